//! `cargo xtask release`: checks that the library crates are ready to be published.

mod changelog;
mod order;
mod packages;
mod semver;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};

use crate::library::{Library, Package};
use crate::shell;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Also package files that are not committed.
    #[arg(long)]
    allow_dirty: bool,
}

/// Checks the crates, and prints the command that publishes them. Does not publish.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let library = Library::read()?;
    let packages = order::sort(&library.packages)?;
    let version = check(&packages)?;
    let names: Vec<_> = packages.iter().flat_map(|package| ["--package", &*package.name]).collect();
    let mut package = shell::cargo(&["package", "--locked"]);
    if options.allow_dirty {
        package.arg("--allow-dirty");
    }
    package.env("CARGO_TARGET_DIR", new_folder(&library)?);
    shell::run_checked(package.args(&names))?;
    semver::check(&names)?;
    println!("{version} can be published with:\n  cargo publish --locked {}", names.join(" "));
    Ok(ExitCode::SUCCESS)
}

/// Returns a target folder that no earlier run has used, and removes those of earlier runs.
///
/// Cargo keeps the sources of a package by the path of this folder, not by their content. In a used
/// folder it would compile a crate against the packages of an earlier run.
fn new_folder(library: &Library) -> Result<PathBuf> {
    let folder = library.folder("package-check");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(folder.join(time.as_nanos().to_string()))
}

/// Checks the manifests and the changelog. Returns the version.
fn check<'p>(packages: &[&'p Package]) -> Result<&'p str> {
    let version = packages::common_version(packages)?;
    let problems: Vec<_> =
        packages.iter().flat_map(|package| packages::problems(package, packages)).collect();
    if !problems.is_empty() {
        bail!("the manifests are not ready:\n  {}", problems.join("\n  "));
    }
    let text = fs::read_to_string(shell::root().join("CHANGELOG.md")).context("cannot read CHANGELOG.md")?;
    let section = changelog::section(&text, version)?;
    eprintln!("{version}: the changes are below {section} in CHANGELOG.md");
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifests_and_the_changelog_are_ready() {
        let library = Library::read().unwrap();
        let packages = order::sort(&library.packages).unwrap();
        assert_eq!(packages[0].name, "larder-core");
        assert_eq!(check(&packages).unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
