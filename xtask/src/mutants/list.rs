//! The lists of mutants.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::command::root;

/// Mutants, and the tests that notice them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Set {
    /// The file's.
    #[serde(skip)]
    pub(super) name: String,
    /// Which tests, as `cargo nextest run` is told.
    pub(super) tests: Vec<String>,
    /// The package whose program those tests start. Then they themselves are built once.
    pub(super) program: Option<String>,
    /// What cargo's configuration is to be, as `--config` takes it.
    #[serde(default)]
    pub(super) config: Vec<String>,
    #[serde(rename = "mutant")]
    pub(super) mutants: Vec<Mutant>,
}

/// One way to break the code.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Mutant {
    pub(super) name: String,
    /// The rule or row that it breaks.
    breaks: String,
    /// From the repository's root.
    pub(super) file: String,
    /// What is there exactly once.
    from: String,
    /// What takes its place.
    to: String,
    /// Tests whose names contain this come first, where all take long.
    pub(super) tests: Option<String>,
}

impl Mutant {
    /// The whole file of the code in `root`, broken.
    pub(super) fn mutated(&self, root: &Path) -> anyhow::Result<String> {
        let code = fs::read_to_string(root.join(&self.file)).context(self.file.clone())?;
        let times = code.matches(&self.from).count();
        ensure!(
            times == 1,
            "`from` is {times} times in {} instead of once",
            self.file
        );
        ensure!(self.from != self.to, "`to` changes nothing");
        Ok(code.replace(&self.from, &self.to))
    }
}

impl fmt::Display for Mutant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.name, self.breaks)
    }
}

/// The sets of these names, or all.
pub(super) fn read(names: &[String]) -> anyhow::Result<Vec<Set>> {
    let files = files()?;
    let name = |file: &Path| file.file_stem().unwrap_or_default().display().to_string();
    let known: Vec<_> = files.iter().map(|file| name(file)).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("There is no set {unknown}; there are {}.", known.join(", "));
    }
    let wanted = |file: &&PathBuf| names.is_empty() || names.contains(&name(file));
    files
        .iter()
        .filter(wanted)
        .map(|file| {
            let text = fs::read_to_string(file)?;
            let set: Set = toml::from_str(&text).with_context(|| file.display().to_string())?;
            Ok(Set {
                name: name(file),
                ..set
            })
        })
        .collect()
}

fn files() -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(root().join("tests/mutants"))?;
    let paths = entries.map(|entry| Ok(entry?.path()));
    let mut files = paths.collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_broken_is_there_once_and_becomes_another() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("code.rs"), "a < b && b < c").unwrap();
        let mutated = |from: &str, to: &str| {
            let mutant = Mutant {
                name: String::new(),
                breaks: String::new(),
                file: "code.rs".to_owned(),
                from: from.to_owned(),
                to: to.to_owned(),
                tests: None,
            };
            mutant.mutated(folder.path()).map_err(|why| why.to_string())
        };
        assert_eq!(mutated("a <", "a >").unwrap(), "a > b && b < c");
        for (from, to, why) in [
            ("<", ">", "2 times"),
            ("d", "e", "0 times"),
            ("a <", "a <", "changes nothing"),
        ] {
            assert!(mutated(from, to).unwrap_err().contains(why), "{from}");
        }
    }
}
