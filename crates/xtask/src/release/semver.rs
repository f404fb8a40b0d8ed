//! Compares the API with the last release, by cargo-semver-checks.

use anyhow::{Result, bail};

use crate::shell;

/// Compares the API with that of the last release, if there is one.
///
/// The release is the last tag `v…` before this commit.
pub(super) fn check(names: &[&str]) -> Result<()> {
    let Some(baseline) = last_release() else {
        eprintln!("no tag v… before this commit: there is no release to compare the API with");
        return Ok(());
    };
    if shell::try_output("cargo", &["semver-checks", "--version"]).is_none() {
        bail!(
            "the comparison with {baseline} needs cargo-semver-checks: cargo install cargo-semver-checks --locked"
        );
    }
    shell::run_checked(shell::cargo(&["semver-checks", "--baseline-rev", &baseline]).args(names))
}

fn last_release() -> Option<String> {
    let root = shell::root().to_str()?;
    let tag =
        shell::try_output("git", &["-C", root, "describe", "--tags", "--match", "v[0-9]*", "--abbrev=0"])?;
    Some(tag.trim().to_owned())
}
