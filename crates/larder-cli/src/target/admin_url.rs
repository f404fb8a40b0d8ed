//! The URL of an admin router, and its token.

use std::net::IpAddr;
use std::path::Path;

use http::Uri;

use crate::cli_error::CliError;
use crate::secrets::Secret;
use crate::target::environment::{Environment, secret_file};
use crate::target::target_args::TargetArgs;

/// The URL of an admin router, and its token.
#[derive(Debug, Clone)]
pub(crate) struct AdminUrl {
    /// Without a slash at its end.
    pub(crate) base: String,
    pub(crate) token: Option<Secret>,
}

impl AdminUrl {
    pub(super) fn new(text: &str, args: &TargetArgs, environment: &Environment) -> Result<Self, CliError> {
        let wrong = |problem: &str| CliError::usage(format!("`{text}` is no admin URL: {problem}"));
        let uri: Uri = text.parse().map_err(|_| wrong("it cannot be read"))?;
        let Some(authority) = uri.authority() else { return Err(wrong("it has no host")) };
        if authority.as_str().contains('@') {
            return Err(wrong("it has a user or a password. The token is in LARDER_TOKEN, or in a file"));
        }
        if uri.query().is_some() {
            return Err(wrong("it has a query"));
        }
        let token = token(args, environment)?;
        let is_plain = uri.scheme_str() == Some("http");
        if is_plain && token.is_some() && !is_loopback(authority.host()) && !args.insecure_http {
            return Err(wrong(
                "the token would go over plain HTTP, where everyone on the way can read it. Use https, or \
                 --insecure-http",
            ));
        }
        Ok(Self { base: text.trim_end_matches('/').to_owned(), token })
    }
}

/// Returns the token. Its characters are checked here, so that no other error can show it.
fn token(args: &TargetArgs, environment: &Environment) -> Result<Option<Secret>, CliError> {
    let file = |path: &str| secret_file(Path::new(path));
    let token = match (&args.token_file, environment.get(Environment::TOKEN)) {
        (Some(path), _) => Some(secret_file(path)?),
        (None, Some(token)) => Some(Secret::new(token.trim())),
        (None, None) => environment.get(Environment::TOKEN_FILE).map(file).transpose()?,
    };
    match token {
        Some(token) if !token.reveal().bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(CliError::usage("the token has a character that no token has"))
        }
        token => Ok(token),
    }
}

/// Whether a host is this machine, by its name alone.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost")
        || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_loopback() {
        for host in ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST", "[::1]", "::1"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "localhost.example", "127.0.0.1.example", "example", "[::2]", ""] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
