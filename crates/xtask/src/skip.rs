//! Checks that are skipped where they cannot run.

use std::process::ExitCode;

use anyhow::{Result, bail};

/// Fails if a check is required. Otherwise reports why it does not run.
pub(crate) fn skip(required: bool, check: &str, reason: &str) -> Result<ExitCode> {
    if required {
        bail!("{reason}");
    }
    eprintln!("skipped the check of {check}: {reason}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_required_check_fails() {
        assert_eq!(skip(true, "it", "no network").unwrap_err().to_string(), "no network");
        assert!(skip(false, "it", "no network").is_ok());
    }
}
