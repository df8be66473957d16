//! What a machine needs before Hither can be built, run and tested on it.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::command::{as_root, cargo, command, installed, output, root, run, run_quietly, target};

/// What is going to happen on this machine.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Show Hither on the person's own screen.
    RunHere,
    /// Show Hither on a virtual screen.
    RunVirtually,
    /// Run every test.
    Test,
    /// Look at other systems from here.
    Cross,
    /// Measure what the server costs.
    Bench,
}

/// Packages of Debian and Ubuntu; where names differ, the one of each.
type Packages = &'static [&'static [&'static str]];

const BUILDING: Packages = &[
    &["build-essential"],
    &["pkg-config"],
    &["libwebkit2gtk-4.1-dev"],
    // Publishes the demo's messages, as people would.
    &["curl"],
];
const A_SCREEN: Packages = &[
    &["xvfb"],
    &["openbox"],
    &["xfce4-panel"],
    &["xfconf"],
    &["dbus"],
    &["libglib2.0-bin"],
    &["dunst"],
    &["python3-dbusmock"],
    &["xdotool"],
    &["x11-utils"],
    &["x11-xserver-utils"],
    &["imagemagick"],
    &["fonts-dejavu-core"],
    &["fonts-noto-cjk"],
];
/// The proxies that docs/operating.md has recipes for, and what looks at them from outside.
const PROXIES: Packages = &[
    &["caddy"],
    &["nginx-light", "nginx"],
    &["openssl"],
    &["systemd"],
];
/// The compositor that the Wayland sensors are tested with.
const A_WAYLAND_SCREEN: Packages = &[&["kwin-wayland"]];
/// A network of its own for a test, which comes and goes.
const A_NETWORK: Packages = &[&["iproute2"], &["util-linux"]];
const BROWSERS: Packages = &[
    &["webkit2gtk-driver"],
    &["chromium", "chromium-browser"],
    &["chromium-driver", "chromium-chromedriver"],
];

/// For the programs of other people that tests let publish, and for the fuzzer.
const PYTHON: Packages = &[&["python3"], &["python3-venv"]];

/// What links for Windows, and what runs that.
const WINDOWS: Packages = &[
    &["gcc-mingw-w64-x86-64-posix"],
    &["g++-mingw-w64-x86-64-posix"],
    &["wine64"],
    &["wine"],
];

/// What the server is measured beside.
const PEERS: Packages = &[&["build-essential"], &["redis-server"]];

const OLDEST_NODE: (u32, u32) = (20, 19);

/// Installs what is missing and builds everything.
pub(crate) fn prepare(purpose: Purpose) -> anyhow::Result<()> {
    packages(purpose)?;
    window_pages()?;
    run(&mut cargo(&["build", "--workspace"]))
}

/// Installs the system packages that are missing; says so, or does nothing.
pub(crate) fn packages(purpose: Purpose) -> anyhow::Result<()> {
    let wanted = match purpose {
        Purpose::RunHere => vec![BUILDING],
        Purpose::RunVirtually => vec![BUILDING, A_SCREEN],
        Purpose::Cross => vec![BUILDING, A_SCREEN, WINDOWS],
        Purpose::Bench => vec![PEERS],
        Purpose::Test => {
            vec![
                BUILDING,
                A_SCREEN,
                A_WAYLAND_SCREEN,
                A_NETWORK,
                BROWSERS,
                PYTHON,
                PROXIES,
            ]
        }
    };
    let wanted = wanted.concat();
    if !installed("dpkg-query") {
        let names: Vec<_> = wanted.iter().map(|names| names[0]).collect();
        println!(
            "Not a Debian or Ubuntu: nothing is installed by itself. Needed are, under the names \
             they have in Debian: {}",
            names.join(" ")
        );
        return Ok(());
    }
    let missing: Vec<_> = wanted
        .into_iter()
        .filter(|names| !any_installed(names))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    install(&missing)
}

fn any_installed(names: &[&str]) -> bool {
    names.iter().any(|name| {
        output(&mut command("dpkg-query", &["-W", "-f=${Status}", name]))
            .is_ok_and(|status| status == "install ok installed")
    })
}

fn install(missing: &[&'static [&'static str]]) -> anyhow::Result<()> {
    run_quietly(&mut as_root(&["apt-get", "update"]))?;
    let names: Vec<_> = missing.iter().map(|names| known_to_apt(names)).collect();
    println!("Installing system packages: {}", names.join(" "));
    let apt = [
        "env",
        "DEBIAN_FRONTEND=noninteractive",
        "apt-get",
        "install",
    ];
    let quietly = ["-y", "-qq", "--no-install-recommends"];
    run_quietly(as_root(&[apt.as_slice(), &quietly, &names].concat()).env("LC_ALL", "C"))
}

fn known_to_apt(names: &[&'static str]) -> &'static str {
    let known = |name: &&&str| output(&mut command("apt-cache", &["show", name])).is_ok();
    names.iter().find(known).unwrap_or(&names[0])
}

/// Builds the window's pages, which the window's program carries inside.
pub(crate) fn window_pages() -> anyhow::Result<()> {
    let ui = root().join("ui");
    if !ui.join("package.json").exists() {
        return Ok(());
    }
    check_node()?;
    install_node_packages(&ui)?;
    run_quietly(npm(&["run", "build"]).current_dir(&ui))
}

/// Other people's programs that publish here, for the tests: into a folder of their own.
pub(crate) fn publishing_clients() -> anyhow::Result<()> {
    python("tests/system/clients/requirements.txt", "clients")
}

/// The fuzzer of the HTTP interface, into a folder of its own.
pub(crate) fn fuzzer() -> anyhow::Result<()> {
    python("tests/interface/requirements.txt", "schemathesis")
}

/// Installs Python programs below target/, where that was not done yet.
fn python(requirements: &str, name: &str) -> anyhow::Result<()> {
    let wanted = root().join(requirements);
    let folder = target().join(name);
    let stamp = target().join(format!("{name}-installed.txt"));
    let versions = fs::read(&wanted)?;
    if folder.exists() && fs::read(&stamp).is_ok_and(|old| old == versions) {
        return Ok(());
    }
    println!("Installing {name} below target/");
    run_quietly(command("python3", &["-m", "venv"]).arg(&folder))?;
    let quietly = ["install", "--quiet", "--disable-pip-version-check", "-r"];
    run_quietly(command(folder.join("bin/pip"), &quietly).arg(&wanted))?;
    Ok(fs::write(stamp, versions)?)
}

/// `npm` with arguments.
pub(crate) fn npm(arguments: &[&str]) -> std::process::Command {
    command("npm", arguments)
}

fn check_node() -> anyhow::Result<()> {
    let wanted = format!(
        "Node.js {}.{} or newer is needed to build the window's pages: https://nodejs.org",
        OLDEST_NODE.0, OLDEST_NODE.1
    );
    let said = output(&mut command("node", &["--version"])).context(wanted.clone())?;
    let mut numbers = said.trim().trim_start_matches('v').split('.');
    let mut next = || numbers.next().and_then(|number| number.parse().ok());
    let version: Option<(u32, u32)> = next().zip(next());
    if version.is_none_or(|version| version < OLDEST_NODE) {
        bail!("{wanted} (found {})", said.trim());
    }
    Ok(())
}

/// Only when the lock file is another one than at the last time.
fn install_node_packages(ui: &Path) -> anyhow::Result<()> {
    let lock = fs::read(ui.join("package-lock.json"))?;
    let stamp = target().join("npm-installed.json");
    let done = ui.join("node_modules").exists() && fs::read(&stamp).is_ok_and(|old| old == lock);
    if done {
        return Ok(());
    }
    println!("Installing the node packages of ui/");
    run_quietly(npm(&["ci", "--no-audit", "--no-fund"]).current_dir(ui))?;
    fs::create_dir_all(target())?;
    Ok(fs::write(stamp, lock)?)
}
