//! The library crates: the packages of the workspace that are published for others to depend on.

mod manifest;
mod mirror;
mod scratch;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

pub(crate) use self::scratch::Scratch;
use crate::shell;

/// The library crates, and the target folder of the workspace.
pub(crate) struct Library {
    pub(crate) packages: Vec<Package>,
    target: PathBuf,
}

/// The output of `cargo metadata`, as far as it is used.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    target_directory: PathBuf,
}

/// A package of the workspace.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) rust_version: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) license: Option<String>,
    pub(crate) readme: Option<PathBuf>,
    pub(crate) keywords: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) metadata: serde_json::Value,
    pub(crate) targets: Vec<Target>,
    /// The registries to publish to. `None` means all of them.
    pub(crate) publish: Option<Vec<String>>,
}

/// A dependency of a package, of any kind.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
}

/// A target of a package: its library, a program, its tests.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Target {
    pub(crate) kind: Vec<String>,
}

impl Package {
    /// Whether it has a target of this kind.
    fn has(&self, kind: &str) -> bool {
        self.targets.iter().any(|target| target.kind.iter().any(|one| one == kind))
    }
}

impl Library {
    /// Asks cargo for the packages that may be published and that have a library and no program.
    ///
    /// The command line is published too, but nothing depends on it. Its library is documentation.
    pub(crate) fn read() -> Result<Self> {
        let printed = shell::output(&mut shell::cargo(&METADATA))?;
        let metadata: Metadata =
            serde_json::from_str(&printed.stdout).context("cannot read the output of `cargo metadata`")?;
        let is_library = |package: &Package| package.has("lib") && !package.has("bin");
        let packages = metadata.packages.into_iter();
        let packages = packages.filter(|package| package.publish.is_none() && is_library(package)).collect();
        Ok(Self { packages, target: metadata.target_directory })
    }

    /// Returns the Rust version that all library crates ask for, for example `1.85`.
    pub(crate) fn rust_version(&self) -> Result<&str> {
        let mut versions: Vec<_> =
            self.packages.iter().map(|package| package.rust_version.as_deref()).collect();
        versions.dedup();
        match *versions {
            [Some(version)] => Ok(version),
            _ => bail!("the library crates do not ask for one `rust-version`: {versions:?}"),
        }
    }

    /// Returns the folder for the files of a command, below the target folder.
    pub(crate) fn folder(&self, command: &str) -> PathBuf {
        self.target.join(command)
    }
}

impl Package {
    /// Returns the folder of the package.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

const METADATA: [&str; 4] = ["metadata", "--no-deps", "--format-version", "1"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_crates_are_published_and_ask_for_one_rust_version() {
        let library = Library::read().unwrap();
        let mut names: Vec<_> = library.packages.iter().map(|package| &*package.name).collect();
        names.sort_unstable();
        assert_eq!(names, ["larder", "larder-admin", "larder-core", "larder-redis", "larder-testing"]);
        assert_eq!(library.rust_version().unwrap(), "1.85");
    }

    #[test]
    fn crates_that_ask_for_several_rust_versions_are_an_error() {
        let package =
            |version: &str| Package { rust_version: Some(version.to_owned()), ..Package::default() };
        let library = |packages| Library { packages, target: PathBuf::new() };
        assert_eq!(library(vec![package("1.85"), package("1.85")]).rust_version().unwrap(), "1.85");
        assert!(library(vec![package("1.85"), package("1.86")]).rust_version().is_err());
        assert!(library(vec![package("1.85"), Package::default()]).rust_version().is_err());
    }
}
