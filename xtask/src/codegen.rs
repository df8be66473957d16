//! Files that are committed and made from others: the icons' pictures, the window's types and the
//! description of the server's HTTP interface.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};

use crate::command::{cargo, command, output, root, run_quietly, target};

/// The icon tool, which knows each system's formats.
const ICON_TOOL: &str = "@tauri-apps/cli@2.12.5";
/// What the installers take from it.
const APP_PICTURES: [&str; 6] = [
    "icon.png",
    "32x32.png",
    "128x128.png",
    "128x128@2x.png",
    "icon.ico",
    "icon.icns",
];
const TRAY_STATES: [&str; 5] = ["quiet", "unread", "urgent", "paused", "offline"];
/// Ink by the panel it is drawn on.
const TRAY_INKS: [(&str, &str); 2] = [("light", "#1f2430"), ("dark", "#f4f5f8")];
/// Pixels, and how the file name says it.
const TRAY_SIZES: [(u32, &str); 2] = [(22, ""), (44, "@2x")];

/// Writes every generated file, or with `check` compares each with what would be written.
pub(crate) fn run(check: bool) -> anyhow::Result<()> {
    let fresh = target().join("codegen");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    app_pictures(&fresh.join("icons"))?;
    tray_pictures(&fresh.join("icons/tray"))?;
    window_types(&fresh.join("ui/src/backend"))?;
    interface(&fresh.join("docs"))?;
    phone_icon(&fresh.join("crates/server/phone"))?;
    let files = files_below(&fresh)?;
    if check {
        compare(&fresh, &files)
    } else {
        copy(&fresh, &files)
    }
}

fn app_pictures(into: &Path) -> anyhow::Result<()> {
    let all = target().join("codegen-icons");
    icon_tool(&root().join("icons/hither.svg"), &all, &[])?;
    fs::create_dir_all(into)?;
    for name in APP_PICTURES {
        fs::rename(all.join(name), into.join(name))
            .with_context(|| format!("the icon tool made no {name}"))?;
    }
    sort_icns(&into.join("icon.icns"))?;
    Ok(fs::remove_dir_all(all)?)
}

/// The icon tool writes an icns file's pictures in random order, which would make every run a
/// change. The format: `icns`, total length, then chunks of name, length with both, data.
fn sort_icns(path: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(path)?;
    let (header, mut rest) = bytes.split_at_checked(8).context("icns without a header")?;
    let mut chunks = Vec::new();
    while let Some(length) = rest.get(4..8) {
        let length = u32::from_be_bytes(length.try_into()?) as usize;
        let (chunk, others) = rest
            .split_at_checked(length.max(8))
            .context("icns cut off")?;
        chunks.push(chunk);
        rest = others;
    }
    chunks.sort_unstable();
    Ok(fs::write(path, [header, &chunks.concat()].concat())?)
}

fn tray_pictures(into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into)?;
    let work = target().join("codegen-tray");
    fs::create_dir_all(&work)?;
    for state in TRAY_STATES {
        let shape = fs::read_to_string(root().join(format!("icons/tray/{state}.svg")))?;
        for (panel, ink) in TRAY_INKS {
            let inked = work.join("inked.svg");
            fs::write(&inked, shape.replace("currentColor", ink))?;
            icon_tool(&inked, &work, &["--png", "22", "--png", "44"])?;
            for (pixels, suffix) in TRAY_SIZES {
                fs::rename(
                    work.join(format!("{pixels}x{pixels}.png")),
                    into.join(format!("{state}-on-{panel}{suffix}.png")),
                )?;
            }
        }
    }
    Ok(fs::remove_dir_all(work)?)
}

/// The server's HTTP interface, as `OpenAPI`.
fn interface(into: &Path) -> anyhow::Result<()> {
    let print = [
        "run",
        "--quiet",
        "-p",
        "hither-server",
        "--example",
        "openapi",
    ];
    fs::create_dir_all(into)?;
    Ok(fs::write(
        into.join("openapi.json"),
        output(&mut cargo(&print))?,
    )?)
}

/// What the window and the companion say to each other, in the window's language.
fn window_types(into: &Path) -> anyhow::Result<()> {
    let print = [
        "run",
        "--quiet",
        "-p",
        "hither-engine",
        "--example",
        "typescript",
    ];
    fs::create_dir_all(into)?;
    Ok(fs::write(
        into.join("types.ts"),
        output(&mut cargo(&print))?,
    )?)
}

/// The phone page is served from one folder.
fn phone_icon(into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into)?;
    fs::copy(root().join("icons/hither.svg"), into.join("icon.svg"))?;
    Ok(())
}

fn icon_tool(svg: &Path, into: &Path, options: &[&str]) -> anyhow::Result<()> {
    let mut tool = command("npx", &["--yes", ICON_TOOL, "icon"]);
    run_quietly(tool.args(options).arg("--output").arg(into).arg(svg))
}

/// Paths relative to `top`.
fn files_below(top: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(top)?;
                files.push(name.to_string_lossy().into_owned());
            }
        }
    }
    files.sort();
    Ok(files)
}

fn compare(fresh: &Path, files: &[String]) -> anyhow::Result<()> {
    let differs =
        |name: &&String| fs::read(root().join(name)).ok() != fs::read(fresh.join(name)).ok();
    let stale: Vec<_> = files.iter().filter(differs).map(String::as_str).collect();
    if !stale.is_empty() {
        bail!(
            "generated files differ from their sources: {}. Run `cargo xtask codegen` and commit the result.",
            stale.join(", ")
        );
    }
    println!("{} generated files are up to date.", files.len());
    Ok(())
}

fn copy(fresh: &Path, files: &[String]) -> anyhow::Result<()> {
    for name in files {
        let to = root().join(name);
        fs::create_dir_all(to.parent().expect("a file has a folder"))?;
        fs::copy(fresh.join(name), to)?;
    }
    println!("{} generated files written.", files.len());
    Ok(())
}
