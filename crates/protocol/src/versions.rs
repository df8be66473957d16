//! Which versions of an application a message is for.

use core::fmt;
use core::str::FromStr;

use semver::{Version, VersionReq};

/// Alternatives in one range, at most.
const MAX_ALTERNATIVES: usize = 32;

/// A range of semantic versions, as Cargo writes it (`>=1.2, <2`; `^1.4`) or as npm does:
/// `>=1.2.0 <2.0.0`, `1.2.0 - 2.3.0`, and alternatives with `||`. A version without an operator
/// means what it means to Cargo: `1.2` is `^1.2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    /// One of them must match; at least one.
    alternatives: Vec<VersionReq>,
}

impl VersionRange {
    /// Every version, also what is none.
    #[must_use]
    pub fn any() -> Self {
        VersionReq::STAR.into()
    }

    /// Whether a version is in it. Missing numbers are 0 and a leading `v` means nothing: `v1.5` is
    /// `1.5.0`. What is no version even so is in no range but `*`.
    #[must_use]
    pub fn matches(&self, version: &str) -> bool {
        self.alternatives.contains(&VersionReq::STAR)
            || whole(version).is_some_and(|version| {
                let mut ranges = self.alternatives.iter();
                ranges.any(|range| range.matches(&version))
            })
    }
}

impl From<VersionReq> for VersionRange {
    fn from(range: VersionReq) -> Self {
        Self {
            alternatives: vec![range],
        }
    }
}

/// A text that is no range of versions.
#[derive(Debug, thiserror::Error)]
pub enum InvalidRange {
    /// Correct the part that it names.
    #[error(transparent)]
    Version(#[from] semver::Error),
    /// Write fewer.
    #[error("more than {MAX_ALTERNATIVES} alternatives")]
    TooMany,
}

impl FromStr for VersionRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<Self, InvalidRange> {
        if let Ok(range) = VersionReq::parse(text) {
            return Ok(range.into());
        }
        if text.matches("||").count() >= MAX_ALTERNATIVES {
            return Err(InvalidRange::TooMany);
        }
        let alternatives = text.split("||").map(alternative);
        Ok(Self {
            alternatives: alternatives.collect::<Result<_, _>>()?,
        })
    }
}

/// What [`VersionRange::from_str`] reads as the same.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, range) in self.alternatives.iter().enumerate() {
            if number > 0 {
                f.write_str(" || ")?;
            }
            range.fmt(f)?;
        }
        Ok(())
    }
}

/// One alternative in Cargo's words: its comparators stand between commas.
fn alternative(text: &str) -> Result<VersionReq, semver::Error> {
    if let [from, "-", to] = text.split_whitespace().collect::<Vec<_>>()[..] {
        return VersionReq::parse(&format!(">={}, <={}", bare(from), bare(to)));
    }
    let parts: Vec<String> = text.split(',').map(comparators).collect();
    VersionReq::parse(&parts.join(", "))
}

/// What stands between two commas. An operator belongs to the version after it.
fn comparators(part: &str) -> String {
    let mut said = String::new();
    for word in part.split_whitespace() {
        if !said.is_empty() && !said.ends_with(is_operator) {
            said.push_str(", ");
        }
        let version = word.trim_start_matches(is_operator);
        said.push_str(&word[..word.len() - version.len()]);
        said.push_str(bare(version));
    }
    said
}

fn is_operator(letter: char) -> bool {
    "<>=^~".contains(letter)
}

/// Without the `v` that some write in front.
fn bare(version: &str) -> &str {
    let rest = version.strip_prefix(['v', 'V']);
    rest.filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
        .unwrap_or(version)
}

fn whole(version: &str) -> Option<Version> {
    let version = bare(version.trim());
    let numbers = version.find(['-', '+']).unwrap_or(version.len());
    let (numbers, rest) = version.split_at(numbers);
    let missing = 2_usize.saturating_sub(numbers.matches('.').count());
    let version = format!("{numbers}{}{rest}", ".0".repeat(missing));
    Version::parse(&version).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn range(text: &str) -> VersionRange {
        let range: VersionRange = text.parse().unwrap();
        assert_eq!(range.to_string().parse::<VersionRange>().unwrap(), range);
        range
    }

    #[test]
    fn both_ways_to_write_a_range() {
        for (text, inside, outside) in [
            ("*", &["1.0.0", "x"][..], &[][..]),
            ("^1.4", &["1.4.0", "1.9"], &["1.3.9", "2.0.0", "x"]),
            ("1.2", &["1.2.0", "1.9.9"], &["2.0.0"]),
            (">=1.0.0, <2.0.0", &["1.0.0"], &["2.0.0"]),
            (">=1.0.0 <2.0.0", &["1.0.0", "1.9.9"], &["0.9.9", "2.0.0"]),
            (">= 1.0.0 < 2.0.0", &["1.0.0"], &["2.0.0"]),
            (">1 <3, !=", &[], &[]),
            ("1.0.0 - 2.0.0", &["1.0.0", "2.0.0"], &["0.9.9", "2.0.1"]),
            ("1.2 - 2", &["1.2.0", "2.9.9"], &["1.1.9", "3.0.0"]),
            ("^1.4 || ^3", &["1.4.0", "3.1.0"], &["2.0.0"]),
            ("=1.0.0||>=2 <2.5", &["1.0.0", "2.4.9"], &["1.0.1", "2.5.0"]),
            ("1.x || 3.*", &["1.7.0", "3.0.0"], &["2.0.0"]),
            (">=v1.2", &["v1.2", "1.2.0"], &["1.1.0"]),
            ("* || ^1", &["x"], &[]),
        ] {
            if inside.is_empty() {
                assert!(text.parse::<VersionRange>().is_err(), "{text}");
                continue;
            }
            let range = range(text);
            for version in inside {
                assert!(range.matches(version), "{version} in {text}");
            }
            for version in outside {
                assert!(!range.matches(version), "{version} in {text}");
            }
        }
        for text in [
            "",
            " ",
            "||",
            "1 ||",
            ">=1,,<2",
            "1 -",
            "1 - 2 - 3",
            ">",
            "a b",
            "latest",
        ] {
            assert!(text.parse::<VersionRange>().is_err(), "{text:?}");
        }
        assert!("1||".repeat(40).parse::<VersionRange>().is_err());
    }

    #[test]
    fn a_version_may_say_less() {
        let range = range(">=1.5.0, <2");
        for version in ["1.5", "v1.5.0", "V1.5", " 1.5 ", "1.5+linux", "1.6"] {
            assert!(range.matches(version), "{version}");
        }
        for version in [
            "1",
            "2",
            "v",
            "",
            "1.5-beta",
            "1.5.0.0",
            "version 1.5",
            "1..5",
        ] {
            assert!(!range.matches(version), "{version}");
        }
        assert!(self::range("=1.5.0-beta").matches("v1.5-beta"));
        assert!(self::range("^1").matches("1"));
    }

    proptest! {
        /// What was a range before npm's words were known is the same range.
        #[test]
        fn cargos_words_mean_what_they_meant(text in "[<>=^~*xv0-9., |-]{0,24}") {
            if let Ok(range) = VersionReq::parse(&text) {
                prop_assert_eq!(text.parse::<VersionRange>().unwrap(), range.into());
            }
        }

        #[test]
        fn no_text_is_too_odd(text in "(>=|<|v|[0-9]|\\.| |\\|\\||-|,|a|\\PC){0,24}", version in "\\PC{0,12}") {
            if let Ok(range) = text.parse::<VersionRange>() {
                let _ = range.matches(&version);
                prop_assert_eq!(range.to_string().parse::<VersionRange>().unwrap(), range);
            }
        }
    }
}
