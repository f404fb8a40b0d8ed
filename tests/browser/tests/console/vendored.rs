//! The vendored library is the published one.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/vendor/axe-core");

fn read(name: &str) -> Vec<u8> {
    fs::read(Path::new(FOLDER).join(name)).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

#[test]
fn each_file_has_its_digest() {
    let sums = text("SHA256SUMS");
    let mut named: Vec<&str> = Vec::new();
    for line in sums.lines() {
        let (expected, name) = line.split_once("  ").unwrap();
        let digest: String = Sha256::digest(read(name)).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, expected, "{name}");
        named.push(name);
    }
    named.extend(["README.md", "SHA256SUMS"]);
    for file in fs::read_dir(FOLDER).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(named.contains(&&*name), "{name} has no digest");
    }
}

#[test]
fn the_version_and_the_licence_are_those_of_the_file() {
    let (readme, library, licence) = (text("README.md"), text("axe.min.js"), text("LICENSE"));
    let (_, rest) = readme.split_once("| version | ").unwrap();
    let version = rest.split(' ').next().unwrap();
    assert!(library.starts_with(&format!("/*! axe v{version}\n")), "{version}");
    assert!(library.contains("Mozilla Public\n * License, v. 2.0"));
    assert!(licence.starts_with("Mozilla Public License"), "{}", &licence[..80]);
    assert!(readme.contains("| licence | MPL-2.0"));
}
