//! The URL of a Redis.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use larder::redis::{RedisStore, RedisStoreBuilder};

use crate::cli_error::CliError;
use crate::secrets::{Secret, hide_credentials};
use crate::target::environment::{Environment, secret_file};
use crate::target::target_args::TargetArgs;

/// A Redis, and the cache in it.
#[derive(Clone)]
pub(crate) struct RedisTarget {
    /// With its password.
    pub(crate) url: Secret,
    pub(crate) namespace: String,
    pub(crate) schema: u32,
    /// The certificates that TLS trusts, in place of the system's.
    pub(crate) ca_pem: Option<Vec<u8>>,
    /// How long to wait for an answer.
    pub(crate) timeout: Duration,
}

impl fmt::Debug for RedisTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisTarget")
            .field("url", &self.shown_url())
            .field("namespace", &self.namespace)
            .finish_non_exhaustive()
    }
}

/// Where a Redis URL comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum UrlSource {
    /// Every user of the machine can read it.
    Argument,
    /// It may have a password.
    Environment,
}

impl RedisTarget {
    pub(super) fn new(
        url: &str,
        source: UrlSource,
        args: &TargetArgs,
        environment: &Environment,
    ) -> Result<Self, CliError> {
        if source == UrlSource::Argument && has_password(url) {
            return Err(CliError::usage(
                "a Redis URL with a password cannot be an argument, since every user of this machine can read \
                 arguments. Use REDIS_URL, or --redis-password-file",
            ));
        }
        let file = |path: &str| secret_file(Path::new(path));
        let password = match &args.redis_password_file {
            Some(path) => Some(secret_file(path)?),
            None => environment.get(Environment::REDIS_PASSWORD_FILE).map(file).transpose()?,
        };
        let url = match password {
            Some(password) if !has_password(url) => with_password(url, &password),
            _ => Secret::new(url),
        };
        let namespace = args.namespace.as_deref().or(environment.get(Environment::NAMESPACE));
        let namespace = namespace.unwrap_or("larder").to_owned();
        let ca_pem = args.ca_pem()?;
        Ok(Self { url, namespace, schema: args.schema, ca_pem, timeout: args.timeout })
    }

    /// Returns a builder for the store of this cache, whose commands have this limit.
    pub(crate) fn store_builder(&self, command_timeout: Duration) -> RedisStoreBuilder {
        let builder = RedisStore::builder(self.url.reveal())
            .namespace(&self.namespace)
            .command_timeout(command_timeout);
        match &self.ca_pem {
            Some(pem) => builder.tls_roots_pem(pem.clone()),
            None => builder,
        }
    }

    /// Returns the URL without its credentials.
    pub(crate) fn shown_url(&self) -> String {
        hide_credentials(self.url.reveal())
    }
}

/// Whether a URL has a password. One that only looks so counts too.
pub(super) fn has_password(url: &str) -> bool {
    let (_, rest) = url.split_once("://").unwrap_or(("", url));
    let in_front = rest.rsplit_once('@').is_some_and(|(credentials, _)| credentials.contains(':'));
    in_front || url.contains("sentinelPassword=")
}

/// Puts a password into a URL, with every character escaped that could end it.
fn with_password(url: &str, password: &Secret) -> Secret {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (user, address) = rest.split_once('@').unwrap_or(("", rest));
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let password: String = password.reveal().bytes().map(escape).collect();
    Secret::new(format!("{scheme}://{user}:{password}@{address}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_seen_wherever_it_stands() {
        for url in
            ["redis://:pw@a", "redis://u:pw@a/0", "redis://:p/w@a", "redis-sentinel://a?sentinelPassword=p"]
        {
            assert!(has_password(url), "{url}");
        }
        for url in ["redis://a:6379", "redis://user@a:6379/0", "redis-cluster://a:1?node=b:2"] {
            assert!(!has_password(url), "{url}");
        }
    }

    #[test]
    fn a_password_of_a_file_is_escaped() {
        let password = Secret::new("p@s/s:é");
        for (url, expected) in [
            ("redis://a:1/0", "redis://:p%40s%2Fs%3A%C3%A9@a:1/0"),
            ("redis://user@a", "redis://user:p%40s%2Fs%3A%C3%A9@a"),
        ] {
            assert_eq!(with_password(url, &password).reveal(), expected);
        }
    }
}
