//! The storeys of `larder`: `engine/` below `http/` and `values/`, and `cache/` above all.

use anyhow::Result;

use crate::code::{Reference, references};
use crate::workspace::{CrateSources, Workspace};

const LARDER: &str = "crates/larder/src";

/// A folder of `larder`, with the folders and crates that its files do not name.
struct Storey {
    folder: &'static str,
    /// Folders above this one, or beside it.
    folders: &'static [&'static str],
    /// Other crates. A `*` at the end stands for any rest.
    crates: &'static [&'static str],
}

/// The roof, `cache/`, may name all of them.
const STOREYS: [Storey; 3] = [
    Storey {
        folder: "engine",
        folders: &["http", "values", "cache"],
        crates: &["http", "http_body", "http_body_util", "tower*", "axum*"],
    },
    Storey { folder: "http", folders: &["values", "cache"], crates: &[] },
    Storey { folder: "values", folders: &["http", "cache"], crates: &[] },
];

/// Names each line of `larder` that refers to something its storey must not know.
pub(crate) fn check(workspace: &Workspace) -> Result<Vec<String>> {
    let mut violations = Vec::new();
    for sources in workspace.crates().iter().filter(|sources| sources.folder == LARDER) {
        violations.extend(check_crate(sources)?);
    }
    Ok(violations)
}

fn check_crate(sources: &CrateSources<'_>) -> Result<Vec<String>> {
    let references = references(sources)?;
    Ok(references.iter().filter_map(violation).collect())
}

fn violation(reference: &Reference) -> Option<String> {
    let storey = STOREYS.iter().find(|storey| storey.folder == room(&reference.file))?;
    let folder = reference.to.as_deref().map(room).filter(|room| storey.folders.contains(room));
    let other = reference.crate_name.as_deref().filter(|name| storey.forbids_crate(name));
    let what = match (folder, other) {
        (Some(folder), _) => format!("{folder}/"),
        (None, Some(other)) => format!("the crate {other}"),
        (None, None) => return None,
    };
    let Reference { file, line, path, .. } = reference;
    Some(format!("{LARDER}/{file}:{line}: {path}: {}/ must not name {what}", storey.folder))
}

/// The folder that a file is in, just below the source folder. `http.rs` beside `http/` is in it.
fn room(file: &str) -> &str {
    file.split('/').next().unwrap_or(file).trim_end_matches(".rs")
}

impl Storey {
    fn forbids_crate(&self, name: &str) -> bool {
        self.crates.iter().any(|forbidden| match forbidden.strip_suffix('*') {
            Some(beginning) => name == beginning || name.starts_with(&format!("{beginning}_")),
            None => name == *forbidden,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A crate in order, with these lines at the end of one file.
    fn check_with(file: &str, lines: &str) -> Vec<String> {
        let mut files = [
            ("lib.rs", "mod cache;\nmod engine;\nmod http;\nmod values;\npub use http::policy::Policy;\n"),
            ("cache/mod.rs", "use crate::{engine::memory, http::policy::Policy, values};\n"),
            (
                "engine/mod.rs",
                "pub(crate) mod clock;\npub(crate) mod memory;\npub(crate) use memory::Tier;\n",
            ),
            ("engine/memory.rs", "use super::clock::Clock;\npub(crate) struct Tier;\n"),
            ("engine/clock.rs", "pub(crate) struct Clock;\n"),
            ("http/mod.rs", "pub(crate) mod policy;\npub(crate) use ::http::Method;\n"),
            ("http/policy.rs", "use crate::engine::Tier;\npub struct Policy;\n"),
            ("values/mod.rs", "use crate::engine::memory;\npub(crate) struct Value;\n"),
        ]
        .map(|(path, text)| (format!("{LARDER}/{path}"), text.to_owned()));
        let path = format!("{LARDER}/{file}");
        files.iter_mut().filter(|(found, _)| *found == path).for_each(|(_, text)| text.push_str(lines));
        let files: Vec<_> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        check(&Workspace::from_texts(&files)).unwrap()
    }

    #[test]
    fn a_crate_in_order_has_no_violation() {
        assert_eq!(check_with("lib.rs", ""), [""; 0]);
    }

    #[test]
    fn one_line_breaks_the_order() {
        let cases = [
            ("engine/memory.rs", "use crate::http::policy::Policy;", "http/"),
            ("engine/memory.rs", "use crate::Policy;", "http/"),
            ("engine/memory.rs", "use super::super::values::Value;", "values/"),
            ("engine/memory.rs", "use crate::cache;", "cache/"),
            ("engine/memory.rs", "use crate::http::Method;", "http/"),
            ("engine/memory.rs", "use http::Method;", "the crate http"),
            ("engine/memory.rs", "fn a(body: impl http_body::Body) {}", "the crate http_body"),
            ("engine/memory.rs", "use http_body_util::Full;", "the crate http_body_util"),
            ("engine/memory.rs", "use tower_service::Service;", "the crate tower_service"),
            ("engine/memory.rs", "use ::axum::Router;", "the crate axum"),
            ("engine/memory.rs", "fn a() { let _ = vec![crate::http::policy::Policy]; }", "http/"),
            ("http/policy.rs", "use crate::values::Value;", "values/"),
            ("http/policy.rs", "use crate::cache;", "cache/"),
            ("values/mod.rs", "use crate::http::policy;", "http/"),
            ("values/mod.rs", "use crate::cache;", "cache/"),
        ];
        for (file, line, what) in cases {
            let found = check_with(file, line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].starts_with(&format!("{LARDER}/{file}:3: ")), "{}", found[0]);
            assert!(found[0].ends_with(&format!("must not name {what}")), "{}", found[0]);
        }
    }

    #[test]
    fn other_lines_do_not() {
        let cases = [
            ("engine/memory.rs", "use super::clock;"),
            ("engine/memory.rs", "use larder_core::http::date;"),
            ("engine/memory.rs", "use httpdate::HttpDate;"),
            ("engine/memory.rs", "#[cfg(test)]\nmod tests { use crate::http::policy::Policy; }"),
            ("engine/memory.rs", "/// See [`crate::http::policy`].\npub(in crate::engine) struct A;"),
            ("http/policy.rs", "use tower::Service;"),
            ("http/policy.rs", "use axum::Router;"),
            ("cache/mod.rs", "use crate::values::Value;"),
        ];
        for (file, line) in cases {
            assert_eq!(check_with(file, line), [""; 0], "{line}");
        }
    }

    #[test]
    fn other_crates_have_no_storeys() {
        let files = [("crates/b/src/lib.rs", "mod engine;"), ("crates/b/src/engine.rs", "use http::Method;")];
        assert_eq!(check(&Workspace::from_texts(&files)).unwrap(), [""; 0]);
    }
}
