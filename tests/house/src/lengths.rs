//! A function fits on one screen: at most 60 lines, and 40 on the miss path.

use anyhow::Result;

use crate::code::functions::{Function, functions};
use crate::code::parse;
use crate::workspace::Workspace;

const MAX_LINES: usize = 60;
const MAX_LINES_IN_MISS: usize = 40;
const MISS: &str = "crates/larder/src/http/miss";

/// Names each function of the workspace that is too long, tests and tools included.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for (path, text) in workspace.rust_files() {
        let file = parse(path, text)?;
        let limit = if path.starts_with(MISS) { MAX_LINES_IN_MISS } else { MAX_LINES };
        let too_long = functions(&file).into_iter().filter(|function| function.lines() > limit);
        violations.extend(too_long.map(|function| describe(path, &function, limit)));
    }
    Ok(violations)
}

fn describe(path: &str, function: &Function, limit: usize) -> String {
    let (name, line, lines) = (&function.name, function.first_line, function.lines());
    format!("{path}:{line}: `{name}` has {lines} lines, {limit} at most")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(path: &str, text: &str) -> Vec<String> {
        check(&Workspace::from_texts(&[(path, text)])).unwrap()
    }

    /// A body that makes its function this many lines long.
    fn body(lines: usize) -> String {
        format!("{{{}}}", "\n".repeat(lines - 1))
    }

    #[test]
    fn a_function_of_61_lines_is_too_long_wherever_it_stands() {
        let cases = [
            ("a function", "fn a() BODY"),
            ("a method", "impl A { pub async fn a() -> [u8; 2] BODY }"),
            ("a trait's method", "trait A { fn b(); fn a() BODY }"),
            ("a function in a function", "fn b() { fn a() BODY }"),
            ("a function in a module", "mod b { #[test] fn a() BODY }"),
            ("a function in a macro", "proptest! { fn b(); fn a(b in 0..2) BODY }"),
        ];
        for (name, source) in cases {
            let source = |lines| source.replace("BODY", &body(lines));
            assert_eq!(check_one("tests/a.rs", &source(60)), [""; 0], "{name}");
            let found = check_one("tests/a.rs", &source(61)).pop().unwrap();
            assert!(found.starts_with("tests/a.rs:1: `"), "{name}: {found}");
            assert!(found.ends_with("61 lines, 60 at most"), "{name}: {found}");
        }
    }

    #[test]
    fn attributes_and_comments_before_a_function_do_not_count() {
        let source = format!("// one\n\n#[test]\nfn a() {}", body(60));
        assert_eq!(check_one("tests/a.rs", &source), [""; 0]);
    }

    #[test]
    fn a_function_of_the_miss_path_has_40_lines_at_most() {
        let source = format!("fn a() {}", body(41));
        assert_eq!(check_one("crates/larder/src/http/fill/run.rs", &source), [""; 0]);
        assert_eq!(
            check_one("crates/larder/src/http/miss/lead.rs", &source),
            ["crates/larder/src/http/miss/lead.rs:1: `a` has 41 lines, 40 at most"],
        );
    }
}
