//! A copy of the code, as it stands, to break.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{command, output, root};

/// Makes `tree` the same as the files of the repository that git knows or does not ignore. What is
/// the same already is left alone, so that cargo builds only what is another.
pub(super) fn refresh(tree: &Path) -> anyhow::Result<()> {
    let list = [
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ];
    let list = output(&mut command("git", &list))?;
    let mut here = BTreeSet::new();
    for name in list.split_terminator('\0') {
        let (original, copy) = (root().join(name), tree.join(name));
        // Deleted, and not yet told to git.
        if !original.is_file() {
            continue;
        }
        if fs::read(&copy).ok() != Some(fs::read(&original)?) {
            fs::create_dir_all(copy.parent().unwrap_or(tree))?;
            fs::copy(&original, &copy)?;
        }
        here.insert(copy);
    }
    remove_others(tree, &here)
}

fn remove_others(folder: &Path, here: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, here)?;
        } else if !here.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}
