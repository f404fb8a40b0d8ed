//! A scratch workspace of the library crates alone, without their dev-dependencies.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use super::{Library, Package, manifest, mirror};
use crate::shell;

/// A workspace below the target folder with copies of the library crates.
///
/// The real workspace cannot be checked in the same way. Its tests and tools need newer compilers
/// and newer versions of dependencies, and these would be used for the library crates too.
pub(crate) struct Scratch {
    root: PathBuf,
}

impl Scratch {
    /// The reason to skip a check if [`resolve`](Self::resolve) fails.
    pub(crate) const UNRESOLVED: &str = "the dependencies cannot be resolved without the registry";

    /// Writes or updates the workspace of this command.
    pub(crate) fn new(library: &Library, command: &str) -> Result<Self> {
        let root = library.folder(command).join("workspace");
        let members: Vec<_> =
            library.packages.iter().map(|package| copy(package, &root)).collect::<Result<_>>()?;
        let text = fs::read_to_string(shell::root().join("Cargo.toml")).context("cannot read Cargo.toml")?;
        mirror::file(&root.join("Cargo.toml"), manifest::workspace(&text, &members).as_bytes())?;
        Ok(Self { root })
    }

    /// Returns a cargo command on this workspace.
    pub(crate) fn cargo(&self, args: &[&str]) -> Command {
        let mut cargo = shell::cargo(args);
        cargo.current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join("target"));
        // Nothing is run but macros and build scripts.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "0");
        cargo
    }

    /// Resolves the dependencies to the newest versions that the crates' `rust-version` allows.
    ///
    /// Returns whether that worked. It fails where the registry cannot be reached.
    pub(crate) fn resolve(&self) -> Result<bool> {
        Ok(shell::run(&mut self.cargo(&["generate-lockfile", "--quiet"]))?.success())
    }

    /// Checks the crates with their default features, and with all of them.
    pub(crate) fn check(&self, prepare: impl Fn(&mut Command)) -> Result<()> {
        for features in [&[][..], &["--all-features"]] {
            let mut check = self.cargo(&["check", "--locked"]);
            prepare(check.args(features));
            shell::run_checked(&mut check)?;
        }
        Ok(())
    }
}

/// Copies a package to the same place below `root`. Returns that place.
fn copy(package: &Package, root: &Path) -> Result<String> {
    let from = package.folder();
    let place = from.strip_prefix(shell::root()).context("a package lies outside of the workspace")?;
    let to = root.join(place);
    mirror::folder(&from.join("src"), &to.join("src"))?;
    for name in ["README.md", "Cargo.toml"] {
        let content = fs::read_to_string(from.join(name))
            .with_context(|| format!("cannot read {}'s {name}", package.name))?;
        let content = if name == "Cargo.toml" { manifest::package(&content) } else { content };
        mirror::file(&to.join(name), content.as_bytes())?;
    }
    Ok(place.display().to_string())
}
