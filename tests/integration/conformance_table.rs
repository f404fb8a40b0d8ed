//! Checks that everything in `docs/CONFORMANCE.md` exists: each file, each rule, and each test.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// Returns all Rust sources below these directories as one text.
fn sources(below: &[&str]) -> String {
    let mut text = String::new();
    let mut left: Vec<_> = below.iter().map(|directory| root().join(directory)).collect();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
    text
}

/// Returns the texts between backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Returns the rows of the tables of sections: the requirement, the rule with its file, and the
/// tests.
fn rows() -> Vec<[String; 3]> {
    let document = fs::read_to_string(root().join("docs/CONFORMANCE.md")).unwrap();
    let (_, tables) = document.split_once("\n## Section by section\n").unwrap();
    let row = |line: &str| {
        let cells: Vec<_> = line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect();
        match <[String; 4]>::try_from(cells) {
            Ok([_, asked, rule, test]) => [asked, rule, test],
            Err(cells) => unreachable!("a row of {} cells: {line}", cells.len()),
        }
    };
    let lines = tables.lines().filter(|line| line.starts_with('|'));
    lines.filter(|line| !line.starts_with("| ---") && !line.starts_with("| section")).map(row).collect()
}

/// Returns the path of a file: below `crates/larder/src/` if it begins with `larder/`, else below
/// `crates/larder-core/src/http/`.
fn file(named: &str) -> PathBuf {
    match named.strip_prefix("larder/") {
        Some(rest) => root().join("crates/larder/src").join(rest),
        None => root().join("crates/larder-core/src/http").join(named),
    }
}

fn is_defined(name: &str, source: &str) -> bool {
    let last = name.rsplit("::").next().unwrap();
    ["fn", "struct", "enum"].iter().any(|kind| {
        source.match_indices(&format!("{kind} {last}")).any(|(at, found)| {
            !source[at + found.len()..].starts_with(|next: char| next.is_alphanumeric() || next == '_')
        })
    })
}

#[test]
fn every_rule_and_every_file_is_there() {
    let source = sources(&["crates/larder-core/src", "crates/larder/src"]);
    let rows = rows();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for [asked, rule, _] in &rows {
        for name in quoted(rule) {
            let is_there = if Path::new(name).extension().is_some() {
                file(name).is_file()
            } else {
                is_defined(name, &source)
            };
            assert!(is_there, "{name}, for: {asked}");
        }
    }
}

#[test]
fn every_test_is_there() {
    let source = sources(&["crates", "tests/integration", "examples"]);
    for [asked, _, tests] in &rows() {
        let named: Vec<_> = quoted(tests).filter(|name| !name.contains('.')).collect();
        assert!(
            !named.is_empty() || tests.starts_with("the same") || tests.contains(".rs`"),
            "no test for: {asked}"
        );
        for name in named {
            assert!(source.contains(&format!("fn {name}(")), "{name}, for: {asked}");
        }
    }
}
