//! The order in which crates are published: each after its dependencies.

use anyhow::{Result, bail};

use crate::library::Package;

/// Sorts the packages so that each comes after those that it depends on.
///
/// Dev-dependencies count. The registry refuses a package if it does not know one of them.
///
/// # Errors
///
/// Some packages depend on each other in a circle.
pub(super) fn sort(packages: &[Package]) -> Result<Vec<&Package>> {
    let mut left: Vec<_> = packages.iter().collect();
    let mut sorted = Vec::new();
    while !left.is_empty() {
        let waits = |package: &&Package| {
            package
                .dependencies
                .iter()
                .any(|dependency| left.iter().any(|other| other.name == dependency.name))
        };
        let (waiting, ready): (Vec<_>, Vec<_>) = left.iter().copied().partition(waits);
        if ready.is_empty() {
            let names: Vec<_> = waiting.iter().map(|package| &*package.name).collect();
            bail!("these crates depend on each other in a circle: {}", names.join(", "));
        }
        sorted.extend(ready);
        left = waiting;
    }
    Ok(sorted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library::Dependency;

    fn package(name: &str, dependencies: &[&str]) -> Package {
        let dependency = |name: &&str| Dependency { name: (*name).to_owned(), ..Dependency::default() };
        let dependencies = dependencies.iter().map(dependency).collect();
        Package { name: name.to_owned(), dependencies, ..Package::default() }
    }

    #[test]
    fn each_crate_comes_after_its_dependencies() {
        let packages = [
            package("top", &["redis", "core", "tokio"]),
            package("redis", &["core", "testing"]),
            package("testing", &["core"]),
            package("core", &["http"]),
        ];
        let names: Vec<_> = sort(&packages).unwrap().iter().map(|package| &*package.name).collect();
        assert_eq!(names, ["core", "testing", "redis", "top"]);
    }

    #[test]
    fn a_circle_is_an_error_that_names_it() {
        let packages = [package("core", &[]), package("one", &["core", "two"]), package("two", &["one"])];
        let error = sort(&packages).unwrap_err().to_string();
        assert!(error.ends_with("circle: one, two"), "{error}");
    }
}
