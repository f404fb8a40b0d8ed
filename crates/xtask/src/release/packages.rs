//! Checks of the manifests of the published crates.

use anyhow::{Result, bail};

use crate::library::{Dependency, Package};

/// Returns the version that all packages have.
pub(super) fn common_version<'p>(packages: &[&'p Package]) -> Result<&'p str> {
    let mut versions: Vec<_> = packages.iter().map(|package| &*package.version).collect();
    versions.dedup();
    match *versions {
        [version] => Ok(version),
        _ => bail!("the library crates do not have one version: {}", versions.join(", ")),
    }
}

/// Lists what is missing or wrong in the manifest of a package, one line each.
pub(super) fn problems(package: &Package, siblings: &[&Package]) -> Vec<String> {
    let docs = &package.metadata["docs"]["rs"];
    let facts = [
        (package.description.is_some(), "description"),
        (package.license.is_some(), "license"),
        (package.readme.is_some(), "README.md"),
        (package.rust_version.is_some(), "rust-version"),
        (!package.keywords.is_empty(), "keywords"),
        (!package.categories.is_empty(), "categories"),
        (docs["all-features"] == true, "all-features for docs.rs"),
        (docs["rustdoc-args"].is_array(), "rustdoc-args for docs.rs"),
    ];
    let missing = facts.into_iter().filter(|(is_there, _)| !is_there);
    let missing = missing.map(|(_, what)| format!("{} has no {what}", package.name));
    let wrong = package.dependencies.iter().filter(|dependency| is_outdated(dependency, siblings));
    missing
        .chain(
            wrong.map(|dependency| {
                format!("{} asks for {} {}", package.name, dependency.name, dependency.req)
            }),
        )
        .collect()
}

/// Whether a package asks for another version of a sibling than the one beside it.
fn is_outdated(dependency: &Dependency, siblings: &[&Package]) -> bool {
    let sibling = siblings.iter().find(|sibling| sibling.name == dependency.name);
    sibling.is_some_and(|sibling| dependency.req != format!("^{}", sibling.version))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ready(name: &str, version: &str) -> Package {
        Package {
            name: name.to_owned(),
            version: version.to_owned(),
            rust_version: Some("1.85".to_owned()),
            description: Some("A crate.".to_owned()),
            license: Some("MIT".to_owned()),
            readme: Some("README.md".into()),
            keywords: vec!["cache".to_owned()],
            categories: vec!["caching".to_owned()],
            metadata: json!({ "docs": { "rs": { "all-features": true, "rustdoc-args": [] } } }),
            ..Package::default()
        }
    }

    #[test]
    fn all_crates_must_have_one_version() {
        let (one, same, other) = (ready("one", "0.2.0"), ready("two", "0.2.0"), ready("three", "0.3.0"));
        assert_eq!(common_version(&[&one, &same]).unwrap(), "0.2.0");
        let error = common_version(&[&one, &same, &other]).unwrap_err().to_string();
        assert!(error.ends_with("0.2.0, 0.3.0"), "{error}");
    }

    #[test]
    fn a_manifest_with_everything_has_no_problems_and_an_empty_one_has_all() {
        let full = ready("full", "0.2.0");
        assert!(problems(&full, &[&full]).is_empty());
        let empty = Package { name: "empty".to_owned(), ..Package::default() };
        let found = problems(&empty, &[]);
        assert_eq!(found.len(), 8, "{found:?}");
        assert!(found.contains(&"empty has no description".to_owned()), "{found:?}");
        assert!(found.contains(&"empty has no all-features for docs.rs".to_owned()), "{found:?}");
    }

    #[test]
    fn a_sibling_is_asked_for_in_its_own_version() {
        let core = ready("core", "0.2.0");
        let with = |req: &str| {
            let dependency = Dependency { name: "core".to_owned(), req: req.to_owned() };
            let other = Dependency { name: "http".to_owned(), req: "^1.2".to_owned() };
            Package { dependencies: vec![dependency, other], ..ready("top", "0.2.0") }
        };
        assert!(problems(&with("^0.2.0"), &[&core]).is_empty());
        assert_eq!(problems(&with("^0.1.0"), &[&core]), ["top asks for core ^0.1.0"]);
        // A dependency without a version cannot be published.
        assert_eq!(problems(&with("*"), &[&core]), ["top asks for core *"]);
    }
}
