//! One type, one room: the inherent `impl` blocks of a type are in the folder of its definition.

use std::collections::BTreeMap;

use anyhow::Result;
use syn::{Item, Type};

use crate::code::parse;
use crate::code::test_only::is_test_only_item;
use crate::workspace::{CrateSources, Workspace};

/// Names each inherent `impl` block that is outside of the folder of its type.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for sources in workspace.crates() {
        violations.extend(check_crate(&sources)?);
    }
    Ok(violations)
}

/// The folders in which types of a name are defined. Private types may share a name.
type Homes<'a> = BTreeMap<String, Vec<&'a str>>;

fn check_crate(sources: &CrateSources<'_>) -> Result<Vec<String>> {
    let mut homes = Homes::new();
    let mut impls = Vec::new();
    for (path, text) in &sources.files {
        let file = parse(path, text)?;
        for item in file.items.iter().filter(|item| !is_test_only_item(item)) {
            if let Some(name) = defined_type(item) {
                homes.entry(name).or_default().push(folder(path));
            }
            impls.extend(inherent_impl(item).map(|(name, line)| (*path, name, line)));
        }
    }
    let is_away = |path: &str, name: &String| {
        homes.get(name).is_some_and(|homes| !homes.iter().any(|home| is_within(folder(path), home)))
    };
    let away = impls.into_iter().filter(|(path, name, _)| is_away(path, name));
    Ok(away.map(|(path, name, line)| describe(sources.folder, path, &name, line)).collect())
}

fn describe(crate_folder: &str, path: &str, name: &str, line: usize) -> String {
    format!("{crate_folder}/{path}:{line}: `impl {name}` is outside of the folder of `{name}`")
}

fn defined_type(item: &Item) -> Option<String> {
    match item {
        Item::Enum(item) => Some(item.ident.to_string()),
        Item::Struct(item) => Some(item.ident.to_string()),
        Item::Union(item) => Some(item.ident.to_string()),
        _ => None,
    }
}

fn inherent_impl(item: &Item) -> Option<(String, usize)> {
    let Item::Impl(block) = item else { return None };
    let Type::Path(path) = &*block.self_ty else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    block.trait_.is_none().then(|| (name, block.impl_token.span.start().line))
}

/// Returns the folder of a file. `lookup.rs` beside `lookup/` counts as a part of that.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn is_within(folder: &str, home: &str) -> bool {
    home.is_empty() && !folder.contains('/')
        || folder.strip_prefix(home).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 3] = [
        ("crates/a/src/http/fill/mod.rs", "pub struct Fill; impl Fill {}"),
        ("crates/a/src/http/fill/run.rs", "impl Fill { fn run() {} } struct State; impl State {}"),
        ("crates/a/src/http/miss/mod.rs", "struct State; impl State {} impl Clone for Fill {}"),
    ];

    fn check_with(path: &str, text: &str) -> Vec<String> {
        check(&Workspace::from_texts(&[FILES.as_slice(), &[(path, text)]].concat())).unwrap()
    }

    #[test]
    fn an_impl_block_in_the_folder_of_its_type_is_at_home() {
        assert_eq!(check_with("crates/a/src/http/fill/parts/two.rs", "impl<T> Fill {}"), [""; 0]);
        assert_eq!(check_with("crates/a/src/lib.rs", "#[cfg(test)] mod a { impl Fill {} }"), [""; 0]);
        assert_eq!(check_with("crates/b/src/http/miss/lead.rs", "impl Fill {}"), [""; 0], "another crate");
    }

    #[test]
    fn an_impl_block_in_another_room_is_a_violation() {
        assert_eq!(
            check_with("crates/a/src/http/miss/lead.rs", "impl Fill {}"),
            ["crates/a/src/http/miss/lead.rs:1: `impl Fill` is outside of the folder of `Fill`"],
        );
    }
}
