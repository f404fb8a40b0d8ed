//! The page on reasons explains each word that the cache reports, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use larder_core::outcome::{BypassReason, MissReason, NotStored, StaleReason};

/// Returns the words in the first column of the table below a heading.
fn words<'a>(page: &'a str, heading: &str) -> BTreeSet<&'a str> {
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).expect("the heading");
    let section = section.split("\n## ").next().unwrap_or_default();
    section.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect()
}

#[test]
fn every_reason_has_a_meaning_and_a_cure() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/REASONS.md")).unwrap();
    let expected = [
        ("Miss", MissReason::ALL.iter().map(|reason| reason.as_str()).collect::<BTreeSet<_>>()),
        ("Stale", StaleReason::ALL.iter().map(|reason| reason.as_str()).collect()),
        ("Bypass", BypassReason::ALL.iter().map(|reason| reason.as_str()).collect()),
        ("Not stored", NotStored::ALL.iter().map(|reason| reason.as_str()).collect()),
    ];
    for (heading, reasons) in expected {
        assert_eq!(words(&page, heading), reasons, "{heading}");
    }
    let cells = page.lines().filter(|line| line.starts_with("| `")).map(|row| row.matches(" | ").count());
    assert!(cells.clone().all(|count| count == 2), "each row has a meaning and a cure");
}

/// Explanations give the remedies of the page.
#[test]
fn the_remedies_in_the_code_are_those_of_the_page() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = std::fs::read_to_string(root.join("docs/REASONS.md")).unwrap();
    let misses = MissReason::ALL.iter().map(|reason| ("Miss", reason.as_str(), reason.remedy()));
    let stale = StaleReason::ALL.iter().map(|reason| ("Stale", reason.as_str(), reason.remedy()));
    let bypasses = BypassReason::ALL.iter().map(|reason| ("Bypass", reason.as_str(), reason.remedy()));
    for (heading, word, remedy) in misses.chain(stale).chain(bypasses) {
        let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
        let row = section.lines().find(|line| line.starts_with(&format!("| `{word}` |"))).unwrap();
        let cure = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        assert_eq!(remedy, cure, "{heading} {word}");
    }
}
