//! Who may depend on whom, and what must not be inside: the drawing of ARCHITECTURE.md, held.
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Node, Package, PackageId};

/// One crate of the house.
struct Room {
    name: &'static str,
    /// The doors: crates of this workspace that it may use.
    may_use: &'static [&'static str],
    /// What must not be inside, not even through others.
    must_not_contain: &'static [&'static str],
}

const ASYNC: &[&str] = &["tokio", "async-io", "mio", "socket2"];
const WEB_ENGINE: &[&str] = &[
    "tauri",
    "wry",
    "tao",
    "gtk",
    "gdk",
    "webkit2gtk",
    "webkit2gtk-sys",
];
const NOT_PURE: &[&str] = &[
    "tokio",
    "async-io",
    "mio",
    "socket2",
    "rusqlite",
    "libsqlite3-sys",
    "tungstenite",
    "ureq",
    "hyper",
    "axum",
    "zbus",
    "tracing-subscriber",
    "tauri",
    "wry",
    "gtk",
];

const HOUSE: &[Room] = &[
    Room {
        name: "hither-protocol",
        may_use: &[],
        must_not_contain: NOT_PURE,
    },
    Room {
        name: "hither-attention",
        may_use: &["hither-protocol"],
        must_not_contain: NOT_PURE,
    },
    Room {
        name: "hither-engine",
        may_use: &["hither-protocol"],
        must_not_contain: NOT_PURE,
    },
    Room {
        name: "hither-client",
        may_use: &["hither-engine", "hither-protocol"],
        must_not_contain: WEB_ENGINE,
    },
    Room {
        name: "hither-ipc",
        may_use: &["hither-engine", "hither-protocol"],
        must_not_contain: &["tauri", "wry", "gtk", "rusqlite", "tungstenite", "ureq"],
    },
    Room {
        name: "hither-presence",
        may_use: &[],
        must_not_contain: &[
            "tauri",
            "wry",
            "gtk",
            "rusqlite",
            "tungstenite",
            "ureq",
            "rustls",
        ],
    },
    Room {
        name: "hither-companion",
        may_use: &[
            "hither-client",
            "hither-engine",
            "hither-ipc",
            "hither-presence",
            "hither-protocol",
        ],
        must_not_contain: WEB_ENGINE,
    },
    Room {
        name: "hither-server",
        may_use: &["hither-attention", "hither-protocol"],
        must_not_contain: &["tauri", "wry", "gtk", "x11rb", "zbus", "tray-icon"],
    },
    Room {
        name: "hither",
        may_use: &["hither-engine", "hither-ipc", "hither-protocol"],
        must_not_contain: &[
            "rusqlite",
            "libsqlite3-sys",
            "tungstenite",
            "tokio-tungstenite",
            "ureq",
        ],
    },
    Room {
        name: "hither-people",
        may_use: &["hither-attention", "hither-protocol"],
        must_not_contain: NOT_PURE,
    },
    Room {
        name: "hither-bench",
        may_use: &["hither-protocol", "hither-server"],
        must_not_contain: WEB_ENGINE,
    },
    Room {
        name: "xtask",
        may_use: &[],
        must_not_contain: ASYNC,
    },
];

/// Decide everything, do nothing: see each one's clippy.toml.
const PURE: [&str; 3] = ["protocol", "attention", "engine"];
const BANNED_IN_PURE: [&str; 3] = [
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "std::thread::sleep",
];

static METADATA: LazyLock<Metadata> = LazyLock::new(|| {
    let manifest = root().join("Cargo.toml");
    MetadataCommand::new()
        .manifest_path(manifest)
        .exec()
        .unwrap()
});

static GRAPH: LazyLock<Graph> = LazyLock::new(|| Graph::new(&METADATA));

#[test]
fn every_crate_has_a_place_in_the_house() {
    let members: BTreeSet<_> = METADATA
        .workspace_packages()
        .iter()
        .map(|it| it.name.as_str())
        .collect();
    let mut house: BTreeSet<_> = HOUSE.iter().map(|room| room.name).collect();
    // Tests may use everything.
    house.insert("system-tests");
    assert_eq!(
        members, house,
        "a new crate needs a row here and in ARCHITECTURE.md"
    );
}

#[test]
fn crates_use_only_the_doors_that_are_drawn() {
    for room in HOUSE {
        let package = GRAPH.member(room.name);
        let used = package.dependencies.iter().filter(|it| it.path.is_some());
        let used = used.filter(|it| it.kind != DependencyKind::Development);
        let extra: Vec<_> = used
            .map(|it| it.name.as_str())
            .filter(|name| !room.may_use.contains(name))
            .collect();
        assert!(extra.is_empty(), "{} must not use {extra:?}", room.name);
    }
}

#[test]
fn crates_do_not_contain_what_they_must_not() {
    for room in HOUSE {
        let inside = GRAPH.linked_into(&GRAPH.member(room.name).id);
        for banned in room.must_not_contain {
            assert!(
                !inside.contains(*banned),
                "{} contains {banned}; see `cargo tree -p {} -i {banned}`",
                room.name,
                room.name
            );
        }
    }
}

#[test]
fn pure_crates_read_no_clock_and_never_wait() {
    for name in PURE {
        let path = root().join("crates").join(name).join("clippy.toml");
        let bans = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        for ban in BANNED_IN_PURE {
            assert!(
                bans.contains(&format!("path = \"{ban}\"")),
                "{path:?} does not ban {ban}"
            );
        }
    }
}

#[test]
fn every_crate_keeps_the_workspace_lints() {
    for package in METADATA.workspace_packages() {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        assert!(
            manifest.contains("[lints]\nworkspace = true"),
            "{} has its own lints",
            package.name
        );
    }
}

#[test]
fn there_is_one_version_of_each_crate_but_for_the_explained() {
    let explained = Explained::read();
    let members = METADATA.workspace_members.iter().cloned();
    let reached = GRAPH.reach(
        members.collect(),
        |package| !explained.tree(package),
        |_| true,
    );
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for id in &reached {
        let package = &GRAPH.packages[id];
        if !explained.single(package) {
            versions
                .entry(package.name.as_str())
                .or_default()
                .insert(package.version.to_string());
        }
    }
    versions.retain(|_, found| found.len() > 1);
    assert!(
        versions.is_empty(),
        "several versions, not explained in deny.toml: {versions:#?}"
    );
}

#[test]
fn no_explanation_outlives_its_reason() {
    let explained = Explained::read();
    for (name, version) in explained.singles.iter().chain(&explained.trees) {
        let found = METADATA
            .packages
            .iter()
            .any(|package| fits(package, name, version));
        assert!(
            found,
            "deny.toml explains {name}@{version}, which is not in Cargo.lock"
        );
    }
}

/// A promise about security stands or falls with its test.
#[test]
fn every_test_that_the_security_document_names_is_there() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let mut known = BTreeSet::new();
    for folder in ["crates", "src-tauri", "tests"] {
        collect_functions(&root().join(folder), &mut known);
    }
    let rows = text.lines().filter(|line| line.starts_with('|'));
    let last_cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let named: Vec<_> = last_cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .filter(|name| name.contains('_') && !name.contains('/'))
        .collect();
    assert!(named.len() > 60, "{named:?}");
    for name in named {
        assert!(known.contains(name), "{name} is no test");
    }
}

/// The names of all functions in Rust files below a folder.
fn collect_functions(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                collect_functions(&path, names);
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let after = text.split("fn ").skip(1);
            names.extend(after.map(|rest| rest.split(|c| !is_name(c)).next().unwrap().to_owned()));
        }
    }
}

#[test]
fn the_phone_page_says_the_version_it_is() {
    let page = fs::read_to_string(root().join("crates/server/phone/app.js")).unwrap();
    let version = &GRAPH.member("hither-server").version;
    assert!(
        page.contains(&format!("version: \"{version}\"")),
        "app.js is not {version}"
    );
}

struct Graph<'a> {
    packages: HashMap<&'a PackageId, &'a Package>,
    nodes: HashMap<&'a PackageId, &'a Node>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Metadata) -> Self {
        let nodes = &metadata
            .resolve
            .as_ref()
            .expect("metadata with dependencies")
            .nodes;
        Self {
            packages: metadata.packages.iter().map(|it| (&it.id, it)).collect(),
            nodes: nodes.iter().map(|it| (&it.id, it)).collect(),
        }
    }

    fn member(&self, name: &str) -> &'a Package {
        let members = METADATA.workspace_members.iter();
        let mut packages = members.map(|id| self.packages[id]);
        packages
            .find(|package| package.name.as_str() == name)
            .unwrap_or_else(|| panic!("no crate {name}"))
    }

    /// Names of everything that ends up in the program, on any system.
    fn linked_into(&self, id: &PackageId) -> BTreeSet<&'a str> {
        let normal = |kind| kind == DependencyKind::Normal;
        let reached = self.reach(vec![id.clone()], |_| true, normal);
        let others = reached.iter().filter(|other| *other != id);
        others.map(|id| self.packages[id].name.as_str()).collect()
    }

    /// What is reached from `start` through packages that `enter` lets in, by dependencies of these kinds.
    fn reach(
        &self,
        start: Vec<PackageId>,
        enter: impl Fn(&Package) -> bool,
        follow: impl Fn(DependencyKind) -> bool,
    ) -> BTreeSet<PackageId> {
        let mut reached = BTreeSet::new();
        let mut waiting = start;
        while let Some(id) = waiting.pop() {
            if !enter(self.packages[&id]) || !reached.insert(id.clone()) {
                continue;
            }
            let next = self.nodes[&id].deps.iter();
            let next = next.filter(|it| it.dep_kinds.iter().any(|kind| follow(kind.kind)));
            waiting.extend(next.map(|it| it.pkg.clone()));
        }
        reached
    }
}

/// The duplicates that deny.toml gives reasons for, as name and version.
struct Explained {
    singles: Vec<(String, String)>,
    trees: Vec<(String, String)>,
}

impl Explained {
    fn read() -> Self {
        let text = fs::read_to_string(root().join("deny.toml")).unwrap();
        let deny: toml::Table = toml::from_str(&text).unwrap();
        let list = |name: &str| {
            deny["bans"][name]
                .as_array()
                .unwrap()
                .iter()
                .map(entry)
                .collect()
        };
        Self {
            singles: list("skip"),
            trees: list("skip-tree"),
        }
    }

    fn single(&self, package: &Package) -> bool {
        self.singles
            .iter()
            .any(|(name, version)| fits(package, name, version))
    }

    fn tree(&self, package: &Package) -> bool {
        self.trees
            .iter()
            .any(|(name, version)| fits(package, name, version))
    }
}

fn entry(entry: &toml::Value) -> (String, String) {
    let reason = entry["reason"].as_str().unwrap_or_default();
    assert!(reason.len() > 5, "deny.toml: {entry:?} needs a reason");
    let (name, version) = entry["crate"]
        .as_str()
        .unwrap()
        .split_once('@')
        .expect("name@version");
    (name.to_owned(), version.to_owned())
}

fn fits(package: &Package, name: &str, version: &str) -> bool {
    let own = format!("{}.", package.version);
    package.name.as_str() == name && own.starts_with(&format!("{version}."))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}
