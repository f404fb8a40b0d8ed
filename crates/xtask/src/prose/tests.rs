//! Each rule on a few lines of text.

use super::comments::comment_blocks;
use super::rules::{Hit, RuleKind, check};
use super::text::{ProseFile, markdown_block};
use super::{are_within_limits, table};

/// Lines and what was found there.
type Found = Vec<(usize, String)>;

/// A name, a text, and its hits.
type Case = (&'static str, &'static str, Found);

fn rust(source: &str) -> Found {
    hits_of("crates/larder/src/lib.rs", source)
}

fn markdown(text: &str) -> Found {
    hits_of("docs/GUIDE.md", text)
}

fn hits_of(path: &str, text: &str) -> Found {
    let blocks = if path.ends_with(".md") { vec![markdown_block(text)] } else { comment_blocks(text) };
    let hits = check(&ProseFile { path: path.to_owned(), blocks });
    hits.into_iter().map(|hit| (hit.line, hit.what)).collect()
}

fn words_over_the_limit() -> String {
    "word ".repeat(21)
}

#[test]
fn a_word_is_found_where_it_is_prose() {
    let retired = |word: &str| format!("retired: `{word}`");
    let cases: Vec<Case> = vec![
        ("a comment", "// Redis is told.", vec![(1, retired("told"))]),
        ("after code", "fn f() {} // Redis is told.", vec![(1, retired("told"))]),
        ("in capitals", "\n// Nobody waits.", vec![(2, retired("nobody"))]),
        ("a block comment", "/* one\n * anew */", vec![(2, retired("anew"))]),
        ("a phrase", "/// It is stored all\n/// the same.", vec![(1, retired("all the same"))]),
        ("a longer word", "// untold told_all retells", vec![]),
        ("code", "// `told` is a name, `a\n// told` too", vec![]),
        ("a code block", "/// ```\n/// // told\n/// ```", vec![]),
        ("after a code block", "/// ```\n/// ```\n/// told", vec![(3, retired("told"))]),
        ("a quotation", "// RFC 9111: \"a cache is\n// told\". It waits.", vec![]),
        ("a quoted line", "/// > the cache is told", vec![]),
        ("a quotation that ends with its paragraph", "// a \" b\n//\n// told", vec![(3, retired("told"))]),
        ("the target of a link", "// [it](Self::told)", vec![]),
        ("a string", "let a = \"// told\";", vec![]),
        ("a raw string", "let a = r#\"\" // told\"#; // anew", vec![(1, retired("anew"))]),
        ("a character", "let a = '\"'; // told", vec![(1, retired("told"))]),
        ("a lifetime", "fn f<'a>(a: &'a str) {} // told", vec![(1, retired("told"))]),
    ];
    for (name, source, expected) in cases {
        assert_eq!(rust(source), expected, "{name}");
    }
}

#[test]
fn a_doc_comment_begins_with_its_subject() {
    let begins = |word: &str| format!("doc comment begins with `{word}`");
    let cases: Vec<Case> = vec![
        ("an item", "/// What a cache stores.", vec![(1, begins("What"))]),
        ("a module", "//! **What** a cache stores.", vec![(1, begins("What"))]),
        ("a later line", "/// Stores\n/// What it gets.", vec![]),
        ("each of two", "/// What a.\na: u8,\n/// What b.", vec![(1, begins("What")), (3, begins("What"))]),
        ("a plain comment", "// What follows is sorted.", vec![]),
        ("another word", "/// Whatever is stored.", vec![]),
    ];
    for (name, source, expected) in cases {
        assert_eq!(rust(source), expected, "{name}");
    }
}

#[test]
fn who_stands_in_questions_only() {
    let found = |word: &str| format!("`{word}` outside of a question");
    let cases: Vec<Case> = vec![
        (
            "a statement",
            "// Those who\n// wait, and whoever.",
            vec![(1, found("who")), (2, found("whoever"))],
        ),
        ("a question", "// Is it known who\n// waits? Yes.", vec![]),
        ("before a question", "// Those who wait. Do they?", vec![(1, found("who"))]),
        ("another word", "// The whole, whose", vec![]),
    ];
    for (name, source, expected) in cases {
        assert_eq!(rust(source), expected, "{name}");
    }
    assert_eq!(hits_of("crates/xtask/src/main.rs", "// those who wait"), [], "a tool");
    assert_eq!(markdown("Those who wait."), [], "Markdown");
}

#[test]
fn prose_is_wrapped_at_100_columns() {
    let long = words_over_the_limit();
    let cases: [(&str, String, Vec<usize>); 9] = [
        ("a paragraph", format!("\n{long}"), vec![2]),
        ("a list item", format!("* {long}"), vec![1]),
        ("a table", format!("| {long} |"), vec![]),
        ("a code block", format!("```text\n{long}\n```"), vec![]),
        ("a heading", format!("## {long}"), vec![]),
        ("a target", format!("[name]: https://example.org {long}"), vec![]),
        ("a link", format!("[name](https://example.org/{}) ends", "x".repeat(90)), vec![]),
        ("an address", format!("See https://example.org/{} there.", "x".repeat(90)), vec![]),
        ("a link in a long line", format!("[name](https://example.org) {long}"), vec![1]),
    ];
    for (name, text, expected) in cases {
        let lines: Vec<usize> = markdown(&text).iter().map(|hit| hit.0).collect();
        assert_eq!(lines, expected, "{name}");
    }
}

#[test]
fn the_width_of_a_comment_includes_its_indentation() {
    let words = "x".repeat(90);
    assert_eq!(rust(&format!("    // {words}")), []);
    assert_eq!(rust(&format!("        // {words}")), [(1, "101 columns".to_owned())]);
    assert_eq!(rust(&format!("let long = \"{words}{words}\";")), []);
}

#[test]
fn a_count_over_its_limit_is_an_error() {
    let hit = |kind| Hit { kind, file: String::new(), line: 1, what: String::new() };
    let five: Vec<Hit> = (0..5).map(|_| hit(RuleKind::Who)).collect();
    assert!(are_within_limits(&five));
    let six: Vec<Hit> = (0..6).map(|_| hit(RuleKind::Who)).collect();
    assert!(!are_within_limits(&six));
    assert!(!are_within_limits(&[hit(RuleKind::Retired)]));
    assert!(table(&six).contains("over the limit"));
}
