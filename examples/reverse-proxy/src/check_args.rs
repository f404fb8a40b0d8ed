//! Checks of arguments that the command line cannot make: of secrets, and of several options.

use crate::args::Args;
use crate::open_error::OpenError;

/// # Errors
///
/// Fails with the first option that cannot be right.
pub(crate) fn check(args: &Args) -> Result<(), OpenError> {
    let invalid = |why: &str| Err(OpenError::Options(why.to_owned()));
    if args.purge_token.as_ref().is_some_and(|token| !token.is_valid()) {
        return invalid(
            "invalid purge token: use 16 or more letters, digits and signs of -._~+/, with = at the end only",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn arguments_that_cannot_be_right_are_errors() {
        let cases: [(&[&str], &str); 3] = [
            (&[], ""),
            (&["--purge-token", "0123456789abcdef"], ""),
            (&["--purge-token", "hunter2"], "invalid purge token"),
        ];
        for (arguments, expected) in cases {
            let all = [&["reverse-proxy", "--origin", "http://x"], arguments].concat();
            let checked = check(&Args::try_parse_from(all).unwrap());
            let error = checked.err().map(|error| error.to_string()).unwrap_or_default();
            assert_eq!(error.is_empty(), expected.is_empty(), "{arguments:?}: {error}");
            assert!(error.contains(expected) && !error.contains("hunter2"), "{arguments:?}: {error}");
        }
    }
}
