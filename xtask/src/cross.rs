//! What a Debian machine can tell about Hither on Windows and macOS.
//!
//! Debian's own packages do it. rustc-web, its lints and the sources of its standard library are
//! unpacked below target/ and not installed, where they would stand in front of the Rust that
//! people work with. mingw-w64 links for Windows, and wine runs that. For macOS nothing is linked:
//! what is C there becomes empty objects.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::command::{as_root, cargo, command, output, run, run_quietly, target};
use crate::desktop::{Desktop, Panel};
use crate::setup::{self, Purpose};

const RUST: [&str; 3] = ["rustc-web", "rust-web-clippy", "rust-web-src"];
const LIBRARY: &str = "libstd-rust-web-dev";

/// What runs on people's computers, but for the window.
const RESIDENT: [&str; 4] = [
    "hither-presence",
    "hither-client",
    "hither-ipc",
    "hither-companion",
];

const WINDOWS: &str = "x86_64-pc-windows-gnu";
const MACOS: &str = "aarch64-apple-darwin";

/// Lints both, runs Windows' tests under wine, and drives the companion's Windows build there.
pub(crate) fn cross() -> anyhow::Result<()> {
    setup::packages(Purpose::Cross)?;
    let tools = Tools::unpacked()?;
    for system in [WINDOWS, MACOS] {
        println!("\n=== lints for {system}");
        tools.lint(system)?;
    }
    let wine = Wine::prepared(&tools)?;
    println!("\n=== tests under wine");
    tools.test(&wine)?;
    println!("\n=== the companion under wine");
    tools.drive(&wine)
}

/// The unpacked packages, and what is made with them.
struct Tools {
    folder: PathBuf,
}

impl Tools {
    fn unpacked() -> anyhow::Result<Self> {
        let tools = Self {
            folder: target().join("cross"),
        };
        let packages = tools.folder.join("packages");
        let done = tools.folder.join("unpacked");
        if !done.exists() {
            fs::create_dir_all(&packages)?;
            download(&packages)?;
            for package in fs::read_dir(&packages)? {
                let mut unpack = command("dpkg", &["-x"]);
                run_quietly(unpack.arg(package?.path()).arg(&tools.folder))?;
            }
            fs::remove_dir_all(packages)?;
            fs::write(done, "")?;
        }
        tools.stand_in_for_apple()?;
        Ok(tools)
    }

    fn lint(&self, system: &str) -> anyhow::Result<()> {
        let mut clippy = self.with_rust(command(self.bin("cargo-clippy"), &["clippy"]), system);
        clippy.args(["--all-targets", "--keep-going", "--", "--deny", "warnings"]);
        // Wrong where the system has no thread-locals of its own, as with mingw.
        run(clippy.args(["--allow", "clippy::missing-const-for-thread-local"]))
    }

    /// The tests that are compiled for Windows.
    fn test(&self, wine: &Wine) -> anyhow::Result<()> {
        let mut test = self.with_rust(cargo(&["test", "--no-fail-fast", "--tests"]), WINDOWS);
        test.envs(wine.env()).env(of(WINDOWS, "RUNNER"), "wine");
        run(&mut test)
    }

    /// Builds it and hands it to the driver, together with a server of this system.
    fn drive(&self, wine: &Wine) -> anyhow::Result<()> {
        run(&mut self.with_rust(cargo(&["build", "--bins"]), WINDOWS))?;
        let companion = self.target(WINDOWS).join(WINDOWS);
        let companion = companion.join("debug/hither-companion.exe");
        run(&mut cargo(&["build", "--package", "hither-server"]))?;
        let driver = ["run", "--package", "system-tests", "--example", "wine"];
        run(cargo(&driver).arg("--").arg(companion).envs(wine.env()))
    }

    /// The same command, with this Rust, for that system.
    fn with_rust(&self, mut cargo: Command, system: &str) -> Command {
        cargo.args(["-Zbuild-std=std,panic_unwind", "--target", system]);
        for package in RESIDENT {
            cargo.args(["--package", package]);
        }
        for inherited in ["RUSTFLAGS", "RUSTC_WRAPPER", "RUSTDOCFLAGS"] {
            cargo.env_remove(inherited);
        }
        // The standard library is built like any other crate: nobody has it ready here.
        cargo.env("RUSTC_BOOTSTRAP", "1");
        cargo.env("RUSTC", self.bin("rustc"));
        cargo.env(
            "LD_LIBRARY_PATH",
            self.folder.join("usr/lib/x86_64-linux-gnu"),
        );
        cargo.env("CARGO_TARGET_DIR", self.target(system));
        let [c, cpp, archive] = self.compilers(system);
        let system = system.replace('-', "_");
        cargo.env(format!("CC_{system}"), &c);
        cargo.env(format!("CXX_{system}"), cpp);
        cargo.env(format!("AR_{system}"), archive);
        cargo.env(of(&system, "LINKER"), c);
        cargo.env("PATH", self.path());
        cargo
    }

    fn compilers(&self, system: &str) -> [PathBuf; 3] {
        if system == WINDOWS {
            ["gcc-posix", "g++-posix", "ar"].map(|name| format!("x86_64-w64-mingw32-{name}").into())
        } else {
            ["cc", "cc", "ar"].map(|name| self.apple().join(format!("apple-{name}")))
        }
    }

    /// Build scripts for macOS look for `xcrun`.
    fn path(&self) -> std::ffi::OsString {
        let mut path = self.apple().into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        path
    }

    fn stand_in_for_apple(&self) -> anyhow::Result<()> {
        let folder = self.apple();
        fs::create_dir_all(&folder)?;
        for (name, script) in APPLE {
            let path = folder.join(name);
            fs::write(&path, script)?;
            fs::set_permissions(path, fs::Permissions::from_mode(0o755))?;
        }
        Ok(())
    }

    fn bin(&self, name: &str) -> PathBuf {
        self.folder.join("usr/bin").join(name)
    }

    fn apple(&self) -> PathBuf {
        self.folder.join("apple")
    }

    fn target(&self, system: &str) -> PathBuf {
        self.folder.join("target").join(system)
    }
}

/// A setting of cargo's for one system.
fn of(system: &str, what: &str) -> String {
    let system = system.replace('-', "_").to_uppercase();
    format!("CARGO_TARGET_{system}_{what}")
}

/// What answers as Apple's tools do, as far as build scripts ask.
const APPLE: [(&str, &str); 3] = [
    ("apple-cc", include_str!("cross/apple-cc")),
    (
        "apple-ar",
        "#!/bin/sh\nexec env -u LD_LIBRARY_PATH ar \"$@\"\n",
    ),
    (
        "xcrun",
        "#!/bin/sh\ncase \"$*\" in *show-sdk-path*) dirname \"$0\";; esac\n",
    ),
];

/// The packages and what they need beyond this system's own libraries.
fn download(to: &Path) -> anyhow::Result<()> {
    run_quietly(&mut as_root(&["apt-get", "update"]))?;
    let library = needed_by(LIBRARY, "libstd-rust-web-")?;
    let llvm = needed_by(&library, "libllvm")?;
    println!("Unpacking Debian's rustc-web below target/: about 150 MB to download");
    let mut download = command("apt-get", &["download", "-qq"]);
    download.args(RUST).args([LIBRARY, &library, &llvm]);
    run_quietly(download.current_dir(to))
}

/// The dependency of a package whose name begins like this.
fn needed_by(package: &str, begin: &str) -> anyhow::Result<String> {
    let said = output(&mut command("apt-cache", &["depends", package]))
        .with_context(|| format!("this wants {package}, which Debian has"))?;
    let mut needed = said
        .lines()
        .filter_map(|line| line.split("Depends: ").nth(1));
    let name = needed.find(|name| name.starts_with(begin) && *name != package);
    let name = name.with_context(|| format!("{package} needs no {begin}…: another Debian?"))?;
    Ok(name.to_owned())
}

/// A Windows of its own, below target/, and a screen for it.
struct Wine {
    prefix: PathBuf,
    desktop: Desktop,
}

impl Wine {
    fn prepared(tools: &Tools) -> anyhow::Result<Self> {
        let wine = Self {
            prefix: tools.folder.join("wine"),
            desktop: Desktop::start(Panel::None)?,
        };
        let done = wine.prefix.join("prepared");
        if !done.exists() {
            println!("\n=== making a Windows below target/");
            run_quietly(wine.command("wineboot").arg("--init"))?;
            run_quietly(wine.command("wine").args(["winecfg", "-v", "win10"]))?;
            wine.add_random_numbers(tools)?;
            fs::write(done, "")?;
        }
        Ok(wine)
    }

    /// Rust's seed comes from a library that wine 8 does not have; its older sister does.
    fn add_random_numbers(&self, tools: &Tools) -> anyhow::Result<()> {
        let library = self
            .prefix
            .join("drive_c/windows/system32/bcryptprimitives.dll");
        if library.exists() {
            return Ok(());
        }
        let source = tools.folder.join("random.c");
        fs::write(&source, RANDOM)?;
        let [c, ..] = tools.compilers(WINDOWS);
        let mut compile = command(c, &["-shared", "-o"]);
        run_quietly(compile.arg(&library).arg(source).arg("-ladvapi32"))?;
        ensure!(library.exists(), "no {}", library.display());
        Ok(())
    }

    fn command(&self, program: &str) -> Command {
        let mut command = self.desktop.command(program);
        command.envs(self.env());
        command
    }

    /// The screen and the Windows.
    fn env(&self) -> Vec<(&'static str, String)> {
        let mut env = self.desktop.env();
        env.retain(|(name, _)| *name == "DISPLAY");
        env.push(("WINEPREFIX", self.prefix.to_string_lossy().into_owned()));
        // No questions for what Hither needs none of: .NET, Internet Explorer, menu entries.
        let missing = "mscoree,mshtml=;winemenubuilder.exe=";
        env.push(("WINEDLLOVERRIDES", missing.to_owned()));
        env.push(("WINEDEBUG", "-all".to_owned()));
        env
    }
}

impl Drop for Wine {
    fn drop(&mut self) {
        // Ends what runs in this Windows, and nothing else.
        let _ = run_quietly(self.command("wineserver").arg("--kill"));
    }
}

const RANDOM: &str = "
#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE bytes, SIZE_T count) {
    return SystemFunction036(bytes, (ULONG)count);
}
";
