//! No parameter is a tuple: values that travel together get a struct.

use anyhow::Result;
use syn::visit::{self, Visit};
use syn::{FnArg, Item, Signature, Type};

use crate::code::parse;
use crate::code::test_only::is_test_only_item;
use crate::workspace::Workspace;

/// Names each function of a crate that has a tuple for a parameter.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for sources in workspace.crates() {
        for (path, text) in &sources.files {
            if path.ends_with("tests.rs") {
                continue;
            }
            let file = parse(path, text)?;
            let mut finder = Finder { found: Vec::new() };
            finder.visit_file(&file);
            let place = |(name, line)| {
                format!("{}/{path}:{line}: `{name}` has a tuple for a parameter", sources.folder)
            };
            violations.extend(finder.found.into_iter().map(place));
        }
    }
    Ok(violations)
}

struct Finder {
    found: Vec<(String, usize)>,
}

impl<'ast> Visit<'ast> for Finder {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only_item(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_signature(&mut self, signature: &'ast Signature) {
        if signature.inputs.iter().any(is_tuple) {
            self.found.push((signature.ident.to_string(), signature.fn_token.span.start().line));
        }
    }
}

fn is_tuple(parameter: &FnArg) -> bool {
    let FnArg::Typed(parameter) = parameter else { return false };
    let mut kind = &*parameter.ty;
    while let Type::Reference(reference) = kind {
        kind = &reference.elem;
    }
    matches!(kind, Type::Tuple(tuple) if !tuple.elems.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_one(text: &str) -> Vec<String> {
        check(&Workspace::from_texts(&[("crates/a/src/lib.rs", text)])).unwrap()
    }

    #[test]
    fn a_tuple_for_a_parameter_is_a_violation() {
        for text in ["fn a((b, c): (u8, u8)) {}", "impl A { fn a(&self, b: &(u8, u8)) {} }"] {
            let expected = "crates/a/src/lib.rs:1: `a` has a tuple for a parameter";
            assert_eq!(check_one(text), [expected], "{text}");
        }
    }

    #[test]
    fn results_closures_and_tests_may_have_tuples() {
        let texts = [
            "fn a() -> (u8, u8) { (1, 2) }",
            "fn a(b: Vec<(u8, u8)>) { b.iter().map(|(c, d)| c + d); }",
            "fn a(b: ()) {}",
            "#[cfg(test)] mod b { fn a(b: (u8, u8)) {} }",
        ];
        for text in texts {
            assert_eq!(check_one(text), [""; 0], "{text}");
        }
    }
}
