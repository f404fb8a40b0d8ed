//! The section of the changelog that belongs to a version.

use anyhow::{Result, bail};

/// Returns the heading of the section for `version`, or that of *Unreleased*.
///
/// # Errors
///
/// There is neither, or the section has no entry.
pub(super) fn section<'t>(changelog: &'t str, version: &str) -> Result<&'t str> {
    let names = [format!("[{version}]"), "[Unreleased]".to_owned()];
    let Some((heading, text)) = names.iter().find_map(|name| find(changelog, name)) else {
        bail!("CHANGELOG.md has no section [{version}] and none [Unreleased]");
    };
    if !text.lines().any(|line| line.starts_with("- ")) {
        bail!("the section {heading} of CHANGELOG.md has no entry");
    }
    Ok(heading)
}

/// Finds the section with this name. Returns its heading, and its text up to the next section.
fn find<'t>(changelog: &'t str, name: &str) -> Option<(&'t str, &'t str)> {
    let start =
        changelog.lines().find(|line| line.strip_prefix("## ").is_some_and(|line| line.starts_with(name)))?;
    let text = changelog.split_once(start)?.1;
    let end = text.find("\n## ").unwrap_or(text.len());
    Some((start.trim_start_matches("## "), &text[..end]))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGELOG: &str = "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2027-01-01\n\n### Added\n\n- larder: more.\n\n\
                             ## [0.1.0] - 2026-12-01\n";

    #[test]
    fn the_section_of_the_version_comes_before_unreleased() {
        assert_eq!(section(CHANGELOG, "0.2.0").unwrap(), "[0.2.0] - 2027-01-01");
        let unreleased =
            CHANGELOG.replace("[0.2.0] - 2027-01-01", "[Unreleased]").replacen("## [Unreleased]\n", "", 1);
        assert_eq!(section(&unreleased, "0.2.0").unwrap(), "[Unreleased]");
    }

    #[test]
    fn a_missing_or_empty_section_is_an_error() {
        let error = |text: &str, version| section(text, version).unwrap_err().to_string();
        assert_eq!(
            error(CHANGELOG, "0.1.0"),
            "the section [0.1.0] - 2026-12-01 of CHANGELOG.md has no entry"
        );
        // Unreleased, as there is no section of the version.
        assert_eq!(error(CHANGELOG, "0.3.0"), "the section [Unreleased] of CHANGELOG.md has no entry");
        assert!(error("# Changelog\n", "0.1.0").contains("no section [0.1.0]"));
    }
}
