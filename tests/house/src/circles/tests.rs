use super::*;

/// A crate with these files, and the violations without their first words.
fn check_files(files: &[(&str, &str)], allowed: &[AllowedPair]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), *text)).collect();
    let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    check(&Workspace::from_texts(&files), allowed, Detail::FirstLine).unwrap()
}

/// Files in order: `lookup` knows `memory`, and `memory` knows `clock`.
const IN_ORDER: [(&str, &str); 7] = [
    ("lib.rs", "mod lookup;\nmod memory;\nmod clock;\npub use lookup::Lookup;\n"),
    ("lookup.rs", "use crate::memory::Slot;\nuse crate::clock;\npub struct Lookup(Slot, clock::Clock);\n"),
    (
        "memory/mod.rs",
        "mod slot;\nmod weigh;\npub(crate) use slot::Slot;\npub(crate) fn get() { slot::new() }\n",
    ),
    ("memory/slot.rs", "use super::weigh;\npub(crate) struct Slot;\npub(crate) fn new() { super::get() }\n"),
    ("memory/weigh.rs", "use crate::clock::{self, Clock};\n"),
    ("clock/tests.rs", "use super::*;\nuse crate::lookup::Lookup;\n"),
    ("clock.rs", "pub(crate) struct Clock;\n#[cfg(test)]\nmod tests;\n"),
];

/// The violations after a line was added to one of those files.
fn check_with(file: &str, line: &str) -> Vec<String> {
    let mut files = IN_ORDER.map(|(path, text)| (path, text.to_owned()));
    files.iter_mut().filter(|(path, _)| *path == file).for_each(|(_, text)| text.push_str(line));
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    check_files(&files, &[])
}

#[test]
fn a_crate_in_order_has_no_circle() {
    assert_eq!(check_files(&IN_ORDER, &[]), [""; 0]);
}

#[test]
fn a_circle_is_printed_with_a_line_for_each_edge() {
    let expected = "\
crates/a/src: circle of 2: lookup, memory
  lookup -> memory (1)
    crates/a/src/lookup.rs:1: crate::memory::Slot (memory/slot.rs)
  memory -> lookup (1)
    crates/a/src/memory/weigh.rs:2: crate::lookup::Lookup (lookup.rs)";
    assert_eq!(check_with("memory/weigh.rs", "use crate::lookup::Lookup;"), [expected]);
}

#[test]
fn one_line_makes_a_circle_however_it_is_written() {
    let cases = [
        ("an import", "memory/weigh.rs", "use crate::lookup::Lookup;"),
        ("a group", "memory/weigh.rs", "use crate::{lookup::{Lookup as L}};"),
        ("a module", "memory/mod.rs", "use crate::lookup;"),
        ("a glob", "clock.rs", "use crate::lookup::*;"),
        ("a re-export", "memory/mod.rs", "pub(crate) use crate::lookup::Lookup;"),
        ("a re-export followed", "clock.rs", "use crate::Lookup;"),
        ("a re-export of a room", "clock.rs", "use crate::memory::Slot;"),
        ("the parent", "clock.rs", "use super::lookup::Lookup;"),
        ("a type", "clock.rs", "struct A(Vec<crate::lookup::Lookup>);"),
        ("a pattern", "clock.rs", "fn a(b: u8) { if let crate::lookup::ONE = b {} }"),
        ("an expression", "clock.rs", "fn a() { super::lookup::look(); }"),
        ("an import in a function", "clock.rs", "fn a() { use crate::lookup::Lookup; }"),
        ("a macro", "clock.rs", "fn a() { assert!(1 == crate::lookup::one()); }"),
        ("a macro's name", "clock.rs", "fn a() { crate::lookup::look!(); }"),
        ("a module in the file", "clock.rs", "mod b { use super::super::lookup::Lookup; }"),
        ("an attribute", "clock.rs", "#[derive(crate::lookup::Look)] struct A;"),
        ("code of a feature", "clock.rs", "#[cfg(feature = \"a\")] use crate::lookup::Lookup;"),
        ("code without tests", "clock.rs", "#[cfg(not(test))] use crate::lookup::Lookup;"),
        ("files of one folder", "memory/weigh.rs", "use super::slot;"),
        ("files, by a re-export", "memory/weigh.rs", "use super::Slot;"),
        ("files, by an imported module", "memory/weigh.rs", "use crate::memory; fn a(_: memory::Slot) {}"),
    ];
    for (name, file, line) in cases {
        assert_eq!(check_with(file, line).len(), 1, "{name}: {line}");
    }
}

#[test]
fn other_lines_make_none() {
    let cases = [
        ("the room's own file", "memory/weigh.rs", "use super::get;"),
        ("the root's items", "clock.rs", "use crate::Version;"),
        ("another crate", "clock.rs", "use ::lookup::Lookup;"),
        ("a crate of a room's name", "memory/weigh.rs", "fn a() { lookup::look(); }"),
        ("a comment", "clock.rs", "/// See [`crate::lookup`].\nstruct A; // crate::lookup::Lookup"),
        ("a text", "clock.rs", "const A: &str = \"crate::lookup::Lookup\";"),
        ("a visibility", "memory/slot.rs", "pub(in crate::memory) struct A;"),
        ("a test", "clock.rs", "#[cfg(test)] use crate::lookup::Lookup;"),
        ("tests of a feature", "clock.rs", "#[cfg(all(test, feature = \"a\"))] mod b { use crate::lookup; }"),
        ("a method for tests", "clock.rs", "impl Clock { #[cfg(test)] fn a() { crate::lookup::look() } }"),
        ("a room below", "memory/mod.rs", "use crate::clock::Clock;"),
    ];
    for (name, file, line) in cases {
        assert_eq!(check_with(file, line), [""; 0], "{name}: {line}");
    }
}

#[test]
fn a_file_beside_a_folder_is_one_with_it() {
    let files = [
        ("lib.rs", "mod tail;"),
        ("tail.rs", "mod reached;\nuse reached::Reached;\npub(crate) struct Tail;"),
        ("tail/reached.rs", "use super::Tail;\npub(crate) struct Reached;"),
    ];
    assert_eq!(check_files(&files, &[]), [""; 0]);
}

#[test]
fn a_path_attribute_says_where_a_module_is() {
    let files = [
        ("lib.rs", "#[path = \"unix/clock.rs\"]\nmod clock;\nmod memory;"),
        ("unix/clock.rs", "use crate::memory::Slot;\npub(crate) struct Clock;"),
        ("memory.rs", "use crate::clock::Clock;\npub(crate) struct Slot;"),
    ];
    let found = check_files(&files, &[]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("crates/a/src: circle of 2: memory, unix\n"), "{}", found[0]);
}

const BUILDER: AllowedPair = AllowedPair {
    one: "crates/a/src/http/store.rs",
    other: "crates/a/src/http/builder.rs",
    reason: "a builder and what it builds",
};

const STORE: [(&str, &str); 4] = [
    ("lib.rs", "mod http;"),
    ("http/mod.rs", "mod builder;\nmod store;\nmod link;"),
    ("http/builder.rs", "use super::store::Store;\npub struct Builder;\n"),
    ("http/store.rs", "use super::builder::Builder;\npub struct Store;\n"),
];

#[test]
fn an_allowed_pair_may_name_each_other() {
    let files = [STORE.as_slice(), &[("http/link.rs", "")]].concat();
    assert_eq!(check_files(&files, &[]).len(), 1);
    assert_eq!(check_files(&files, &[BUILDER]), [""; 0]);
}

#[test]
fn an_allowed_pair_hides_no_larger_circle() {
    let mut files =
        [STORE.as_slice(), &[("http/link.rs", "use super::builder::Builder;\npub struct Link;")]].concat();
    assert_eq!(check_files(&files, &[BUILDER]), [""; 0]);
    files[3].1 = "use super::{builder::Builder, link::Link};\npub struct Store;\n";
    let found = check_files(&files, &[BUILDER]);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("crates/a/src/http: circle of 3: builder, link, store\n"), "{}", found[0]);
}

#[test]
fn an_allowed_pair_that_is_not_needed_is_a_violation() {
    let mut files = [STORE.as_slice(), &[("http/link.rs", "")]].concat();
    files[3].1 = "pub struct Store;";
    let found = check_files(&files, &[BUILDER]);
    assert_eq!(
        found,
        ["crates/a/src/http/store.rs and crates/a/src/http/builder.rs are allowed to name each other, \
          and do not (a builder and what it builds)"],
    );
    let elsewhere = AllowedPair { one: "crates/b/src/a.rs", ..BUILDER };
    assert_eq!(check_files(&IN_ORDER, &[elsewhere]).len(), 1);
}

#[test]
fn a_declared_module_without_a_file_is_an_error() {
    let workspace = Workspace::from_texts(&[("crates/a/src/lib.rs", "mod b;")]);
    let error = check(&workspace, &[], Detail::FirstLine).unwrap_err();
    assert_eq!(error.to_string(), "crates/a/src/b.rs is declared, but missing");
}
