//! The crates of the workspace depend on each other in one direction only, and each keeps to its own libraries.
//!
//! A new crate, or a new edge between crates, fails here until it has been thought about and written into the table.

use cargo_metadata::{Dependency, DependencyKind, Metadata, MetadataCommand, Package};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The crates each crate may depend on, at the lowest layer first. Tests may depend on any.
const LAYERS: [(&str, &[&str]); 10] = [
    ("ains-core", &[]),
    ("ains-store", &["ains-core"]),
    ("ains-service", &["ains-core", "ains-store"]),
    ("ains-webhook", &["ains-core"]),
    ("ains-api", &[]),
    ("ains-http", &["ains-api", "ains-core", "ains-service"]),
    ("ains-client", &["ains-api"]),
    ("ains-load", &["ains-api", "ains-client"]),
    (
        "ains-server",
        &[
            "ains-api",
            "ains-client",
            "ains-core",
            "ains-http",
            "ains-service",
            "ains-store",
            "ains-webhook",
        ],
    ),
    ("ains-testkit", &["ains-core"]),
];

/// Libraries that only one crate may name, even in its tests. A `*` at the end stands for any ending.
const RESERVED: [(&str, &str); 4] = [
    ("diesel*", "ains-store"),
    ("tokio-postgres", "ains-store"),
    ("libsqlite3-sys", "ains-store"),
    ("pq-sys", "ains-store"),
];

/// What would let the pure core wait, reach out, or draw from the global random generator.
const BANNED_FROM_CORE: [&str; 5] = ["tokio*", "actix*", "diesel*", "reqwest", "rand"];

/// Features of chrono that read the machine's clock.
const CLOCK_FEATURES: [&str; 3] = ["clock", "now", "default"];

/// What is checked of one crate.
#[derive(Clone, Debug)]
struct Crate {
    name: String,
    dependencies: Vec<Edge>,
    /// The text of its `Cargo.toml`.
    manifest: String,
}

/// What is checked of one dependency.
#[derive(Clone, Debug)]
struct Edge {
    to: String,
    only_for_tests: bool,
    features: Vec<String>,
}

/// Every rule that `crates` breaks, as a sentence each.
fn violations(crates: &[Crate]) -> Vec<String> {
    crates
        .iter()
        .flat_map(|krate| {
            [layers(krate), reserved(krate), pure_core(krate), inherited(krate)]
                .into_iter()
                .flatten()
        })
        .collect()
}

fn layers(krate: &Crate) -> Vec<String> {
    let table: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let name = krate.name.as_str();
    let Some(allowed) = table.get(name) else {
        return vec![format!(
            "`{name}` has no layer: add it to the table in tests/layers.rs."
        )];
    };
    edges(krate)
        .filter(|to| to.starts_with("ains-") && !allowed.contains(to))
        .map(|to| match to {
            "ains-testkit" => {
                format!("`{name}` depends on `{to}`: the test kit is for [dev-dependencies] only.")
            }
            _ => format!("`{name}` depends on `{to}`: dependencies go from the server down to the core."),
        })
        .collect()
}

fn reserved(krate: &Crate) -> Vec<String> {
    let all = krate.dependencies.iter().map(|edge| edge.to.as_str());
    let broken = all.flat_map(|to| {
        RESERVED
            .iter()
            .filter(move |(library, owner)| matches(library, to) && krate.name != *owner)
            .map(move |(_, owner)| {
                format!(
                    "`{}` names `{to}`: only `{owner}` talks to databases.",
                    krate.name
                )
            })
    });
    broken.collect()
}

fn pure_core(krate: &Crate) -> Vec<String> {
    if krate.name != "ains-core" {
        return Vec::new();
    }
    let libraries = edges(krate)
        .filter(|to| BANNED_FROM_CORE.iter().any(|banned| matches(banned, to)))
        .map(|to| {
            format!("`ains-core` depends on `{to}`: the core neither waits, reaches out nor rolls dice.")
        });
    let clocks = krate
        .dependencies
        .iter()
        .filter(|edge| !edge.only_for_tests && edge.to == "chrono")
        .flat_map(|edge| &edge.features)
        .filter(|feature| CLOCK_FEATURES.contains(&feature.as_str()))
        .map(|feature| format!("`ains-core` asks chrono for `{feature}`: the core is told what time it is."));
    libraries.chain(clocks).collect()
}

/// Lints and versions are written down once, in the workspace.
fn inherited(krate: &Crate) -> Vec<String> {
    let (mut section, mut lints) = ("", false);
    let mut broken = Vec::new();
    for line in krate.manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = header;
        } else if section == "lints" && line == "workspace = true" {
            lints = true;
        } else if section.ends_with("dependencies")
            && line.contains('=')
            && !line.starts_with('#')
            && !line.contains("workspace = true")
        {
            broken.push(format!(
                "`{}` has a version of its own in `{line}`: versions are the workspace's.",
                krate.name
            ));
        }
    }
    if !lints {
        broken.push(format!("`{}` lacks `[lints] workspace = true`.", krate.name));
    }
    broken
}

/// What is built into the crate: everything but what only its tests use.
fn edges(krate: &Crate) -> impl Iterator<Item = &str> {
    krate
        .dependencies
        .iter()
        .filter(|edge| !edge.only_for_tests)
        .map(|edge| edge.to.as_str())
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    }
}

fn workspace() -> Metadata {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.toml");
    MetadataCommand::new()
        .manifest_path(root)
        .no_deps()
        .other_options(["--offline".to_owned()])
        .exec()
        .expect("cargo can read the workspace")
}

fn crates() -> Vec<Crate> {
    workspace().packages.iter().map(Crate::read).collect()
}

impl Crate {
    fn read(package: &Package) -> Self {
        Self {
            name: package.name.to_string(),
            dependencies: package.dependencies.iter().map(Edge::read).collect(),
            manifest: fs::read_to_string(&package.manifest_path).expect("a manifest can be read"),
        }
    }

    /// A crate that breaks no rule, as long as `to` are good edges.
    fn example(name: &str, to: &[&str]) -> Self {
        Self {
            name: name.to_owned(),
            dependencies: to.iter().map(|to| Edge::example(to)).collect(),
            manifest: "[lints]\nworkspace = true\n".to_owned(),
        }
    }
}

impl Edge {
    fn read(dependency: &Dependency) -> Self {
        let mut features = dependency.features.clone();
        if dependency.uses_default_features {
            features.push("default".to_owned());
        }
        Self {
            to: dependency.name.clone(),
            only_for_tests: dependency.kind == DependencyKind::Development,
            features,
        }
    }

    fn example(to: &str) -> Self {
        Self {
            to: to.to_owned(),
            only_for_tests: false,
            features: Vec::new(),
        }
    }
}

#[test]
fn every_dependency_points_down_the_layers() {
    let broken: Vec<String> = crates().iter().flat_map(layers).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn only_the_store_names_a_database_library() {
    let broken: Vec<String> = crates().iter().flat_map(reserved).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn the_core_is_pure() {
    let broken: Vec<String> = crates().iter().flat_map(pure_core).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_crate_inherits_lints_and_versions() {
    let broken: Vec<String> = crates().iter().flat_map(inherited).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn every_crate_of_the_table_exists_and_lies_in_the_workspace() {
    let metadata = workspace();
    let home = metadata.workspace_root.join("crates");
    for (name, _) in LAYERS {
        let found = metadata.packages.iter().find(|package| package.name == name);
        let package = found.unwrap_or_else(|| panic!("`{name}` is in the table but not in the workspace."));
        assert_eq!(
            package.manifest_path,
            PathBuf::from(&home).join(name).join("Cargo.toml")
        );
    }
}

#[test]
fn the_table_itself_has_no_cycle() {
    // Layers are listed lowest first, so every edge leads to a crate further up the list.
    for (place, (name, below)) in LAYERS.iter().enumerate() {
        for to in *below {
            assert!(
                LAYERS[..place].iter().any(|(lower, _)| lower == to),
                "`{to}` is listed above `{name}`, which may depend on it"
            );
        }
    }
}

#[test]
fn an_edge_that_is_not_in_the_table_is_refused() {
    let edge = Crate::example("ains-core", &["ains-store"]);
    assert_eq!(
        violations(&[edge]),
        ["`ains-core` depends on `ains-store`: dependencies go from the server down to the core."]
    );
}

#[test]
fn the_test_kit_is_refused_outside_of_tests() {
    let mut user = Crate::example("ains-http", &["ains-testkit"]);
    assert_eq!(
        violations(&[user.clone()]),
        ["`ains-http` depends on `ains-testkit`: the test kit is for [dev-dependencies] only."]
    );
    user.dependencies[0].only_for_tests = true;
    assert!(violations(&[user]).is_empty());
}

#[test]
fn an_unknown_crate_is_refused_until_it_has_a_layer() {
    let stranger = Crate::example("ains-utils", &[]);
    assert_eq!(
        violations(&[stranger]),
        ["`ains-utils` has no layer: add it to the table in tests/layers.rs."]
    );
}

#[test]
fn a_database_library_outside_of_the_store_is_refused_even_in_tests() {
    for library in [
        "diesel",
        "diesel_migrations",
        "tokio-postgres",
        "libsqlite3-sys",
        "pq-sys",
    ] {
        assert!(violations(&[Crate::example("ains-store", &[library])]).is_empty());
        let mut user = Crate::example("ains-service", &[library]);
        user.dependencies[0].only_for_tests = true;
        assert_eq!(
            violations(&[user]),
            [format!(
                "`ains-service` names `{library}`: only `ains-store` talks to databases."
            )]
        );
    }
}

#[test]
fn a_core_that_waits_or_rolls_dice_is_refused() {
    for library in ["tokio", "actix-web", "reqwest", "rand"] {
        assert_eq!(
            violations(&[Crate::example("ains-core", &[library])]),
            [format!(
                "`ains-core` depends on `{library}`: the core neither waits, reaches out nor rolls dice."
            )]
        );
    }
    assert!(violations(&[Crate::example("ains-core", &["rand_core", "chrono"])]).is_empty());
}

#[test]
fn a_core_that_reads_the_clock_is_refused() {
    let mut core = Crate::example("ains-core", &["chrono"]);
    core.dependencies[0].features = vec!["std".to_owned(), "clock".to_owned()];
    assert_eq!(
        violations(&[core]),
        ["`ains-core` asks chrono for `clock`: the core is told what time it is."]
    );
}

#[test]
fn lints_and_versions_of_its_own_are_refused() {
    let mut stubborn = Crate::example("ains-api", &[]);
    stubborn.manifest = "[dependencies]\nserde = \"1\"\nhex.workspace = true\n".to_owned();
    assert_eq!(
        violations(&[stubborn]),
        [
            "`ains-api` has a version of its own in `serde = \"1\"`: versions are the workspace's.",
            "`ains-api` lacks `[lints] workspace = true`.",
        ]
    );
}
