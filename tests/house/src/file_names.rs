//! A file name occurs once in a crate, so that a name is enough to find a file.

use std::collections::BTreeMap;

use crate::workspace::Workspace;

/// Names that say what role a file has in its folder.
const SHARED: [&str; 6] = ["builder.rs", "error.rs", "lib.rs", "main.rs", "mod.rs", "tests.rs"];

/// Names each file name that occurs twice in the sources of a crate.
pub(crate) fn check(workspace: &Workspace) -> Vec<String> {
    let mut violations = Vec::new();
    for sources in workspace.crates() {
        let mut paths: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for path in sources.files.keys() {
            let name = path.rsplit('/').next().unwrap_or(path);
            paths.entry(name).or_default().push(path);
        }
        paths.retain(|name, paths| paths.len() > 1 && !SHARED.contains(name));
        let describe =
            |(name, paths): (&str, Vec<&str>)| format!("{}: {name} is {}", sources.folder, paths.join(", "));
        violations.extend(paths.into_iter().map(describe));
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [(&str, &str); 5] = [
        ("crates/a/src/lib.rs", ""),
        ("crates/a/src/lookup.rs", ""),
        ("crates/a/src/http/mod.rs", ""),
        ("crates/a/src/engine/mod.rs", ""),
        ("crates/b/src/lookup.rs", ""),
    ];

    #[test]
    fn crates_may_share_names_and_folders_have_a_mod_rs_each() {
        assert_eq!(check(&Workspace::from_texts(&FILES)), [""; 0]);
    }

    #[test]
    fn two_files_of_one_name_in_a_crate_are_a_violation() {
        let files = [FILES.as_slice(), &[("crates/a/src/http/lookup.rs", "")]].concat();
        assert_eq!(
            check(&Workspace::from_texts(&files)),
            ["crates/a/src: lookup.rs is http/lookup.rs, lookup.rs"],
        );
    }

    #[test]
    fn files_outside_of_src_are_not_compared() {
        let files = [FILES.as_slice(), &[("crates/a/tests/lookup.rs", "")]].concat();
        assert_eq!(check(&Workspace::from_texts(&files)), [""; 0]);
    }
}
