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
    if args.memory == 0 && args.redis.is_none() {
        return invalid("--memory 0 stores responses in Redis alone, and there is no --redis");
    }
    if args.memory == 0 && args.max_body > args.max_shared_body {
        return invalid(
            "--max-body is larger than --max-shared-body, and with --memory 0, nothing else stores such bodies",
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
        let cases: [(&[&str], &str); 9] = [
            (&[], ""),
            (&["--purge-token", "0123456789abcdef"], ""),
            (&["--purge-token", "hunter2"], "invalid purge token"),
            (&["--memory", "0"], "there is no --redis"),
            (&["--memory", "0", "--redis", "redis://x"], ""),
            (&["--memory", "0", "--redis", "redis://x", "--max-body", "8"], ""),
            (&["--memory", "0", "--redis", "redis://x", "--max-body", "200"], "--max-shared-body"),
            (&["--memory", "0", "--redis", "redis://x", "--max-body", "200", "--max-shared-body", "200"], ""),
            (&["--redis", "redis://x", "--max-body", "200"], ""),
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
