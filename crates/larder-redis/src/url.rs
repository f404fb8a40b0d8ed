//! Converts a URL into fred's configuration, and rejects invalid URLs.
//!
//! fred accepts any scheme (even `http://`) and ignores parameters that it does not know. So the
//! URL is checked here.

use fred::types::config::{Config, Server, ServerConfig};

use crate::error::{ConnectError, ConnectErrorKind};

/// The query parameters that have a meaning.
const PARAMETERS: [&str; 4] = ["node", "sentinelServiceName", "sentinelUsername", "sentinelPassword"];

/// Parses a URL.
///
/// `roots_pem` contains the root certificates to trust if the URL asks for TLS. If it is `None`,
/// the system's root certificates are trusted. The errors show the URL without its passwords.
pub(crate) fn parse(url: &str, roots_pem: Option<&[u8]>) -> Result<Config, ConnectError> {
    check_scheme(url)?;
    check_parameters(url)?;
    check_database(url)?;
    let (plain, secure) = without_tls(url);
    let config = Config::from_url(&plain).map_err(|error| wrong(url, error.details()))?;
    let config = Config {
        // `fail_fast` concerns only the first connection. Keep trying while Redis is unreachable.
        fail_fast: false,
        ..config
    };
    match (secure, roots_pem) {
        (true, _) => with_tls(config, roots_pem),
        (false, None) => Ok(config),
        (false, Some(_)) => Err(ConnectError::new(
            ConnectErrorKind::Setting,
            format!(
                "root certificates are given, but {:?} does not ask for TLS: rediss:// does",
                masked(url)
            ),
        )),
    }
}

#[cfg(feature = "tls")]
fn with_tls(config: Config, roots_pem: Option<&[u8]>) -> Result<Config, ConnectError> {
    Ok(Config { tls: Some(crate::tls::config(roots_pem)?), ..config })
}

#[cfg(not(feature = "tls"))]
fn with_tls(config: Config, _: Option<&[u8]>) -> Result<Config, ConnectError> {
    // `check_scheme` has rejected such a URL.
    Ok(config)
}

/// Returns the URL without TLS, and whether it asked for TLS.
///
/// fred's own setup of TLS can panic, so fred gets a URL that does not ask for TLS.
fn without_tls(url: &str) -> (String, bool) {
    match url.strip_prefix("rediss") {
        Some(rest) => (format!("redis{rest}"), true),
        None => (url.to_owned(), false),
    }
}

/// Returns the URL without passwords, for use in messages.
pub(crate) fn masked(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let (scheme, rest) = url.split_at(start);
    let mut shown = scheme.to_owned();
    // A password may contain an unescaped `/` or `@`, so everything up to the last `@` is masked.
    let address = match rest.rsplit_once('@') {
        None => rest,
        Some((credentials, address)) => {
            shown.push_str(match credentials.split_once(':') {
                Some((user, _)) => user,
                None => credentials,
            });
            shown.push_str(if credentials.contains(':') { ":***@" } else { "@" });
            address
        }
    };
    match address.split_once("sentinelPassword=") {
        None => shown.push_str(address),
        Some((before, secret)) => {
            shown.push_str(before);
            shown.push_str("sentinelPassword=***");
            shown.push_str(secret.find('&').map_or("", |end| &secret[end..]));
        }
    }
    shown
}

/// Returns the hosts and ports of the servers, without credentials, for use in messages.
pub(crate) fn address(config: &Config) -> String {
    let hosts = config.server.hosts();
    let names: Vec<String> = hosts.iter().map(Server::to_string).collect();
    match &config.server {
        ServerConfig::Sentinel { service_name, .. } => format!("{service_name} of {}", names.join(", ")),
        _ => names.join(", "),
    }
}

fn check_scheme(url: &str) -> Result<(), ConnectError> {
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let feature = match scheme {
        "redis" | "redis-cluster" | "redis-sentinel" => return Ok(()),
        "rediss" | "rediss-cluster" | "rediss-sentinel" => (cfg!(feature = "tls"), "tls"),
        "redis+unix" => (cfg!(feature = "unix-sockets"), "unix-sockets"),
        _ => {
            return Err(ConnectError::new(
                ConnectErrorKind::Scheme,
                format!(
                    "{:?} is not a Redis URL: it has to begin with redis://, rediss://, redis-cluster://, \
                     rediss-cluster://, redis-sentinel://, rediss-sentinel:// or redis+unix://",
                    masked(url)
                ),
            ));
        }
    };
    match feature {
        (true, _) => Ok(()),
        (false, feature) => Err(ConnectError::new(
            ConnectErrorKind::Feature,
            format!("{:?} needs larder-redis to be built with its feature `{feature}`", masked(url)),
        )),
    }
}

fn check_parameters(url: &str) -> Result<(), ConnectError> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let known = query
        .split('&')
        .filter_map(|pair| pair.split('=').next())
        .all(|name| name.is_empty() || PARAMETERS.contains(&name));
    match known {
        true => Ok(()),
        // The message does not name the unknown parameter, because it may be part of a password
        // that contains a `?`.
        false => {
            Err(wrong(url, &format!("the query parameters that are known are {}", PARAMETERS.join(", "))))
        }
    }
}

/// Rejects a database other than 0 for a cluster.
///
/// A cluster has only database 0, and fred would silently use it instead.
fn check_database(url: &str) -> Result<(), ConnectError> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let path = rest.split('?').next().and_then(|rest| rest.split_once('/'));
    match path {
        Some((_, database)) if scheme.ends_with("-cluster") && !matches!(database, "" | "0") => {
            Err(wrong(url, "a cluster has no database but 0"))
        }
        _ => Ok(()),
    }
}

fn wrong(url: &str, why: &str) -> ConnectError {
    ConnectError::new(ConnectErrorKind::Url, format!("{:?} cannot be a Redis URL: {why}", masked(url)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Config, ConnectError> {
        super::parse(url, None)
    }

    #[test]
    fn every_form_of_deployment_has_its_url() {
        let centralized = |url: &str| parse(url).unwrap().server.is_centralized();
        assert!(centralized("redis://127.0.0.1"));
        assert!(centralized("redis://user:p%40ss@[::1]:7000/3"));
        let cluster = parse("redis-cluster://a:7000?node=b:7001&node=c:7002").unwrap();
        assert!(cluster.server.is_clustered());
        assert_eq!(cluster.server.hosts().len(), 3);
        let sentinel =
            parse("redis-sentinel://:pw@a?sentinelServiceName=mm&node=b:26379&sentinelPassword=s").unwrap();
        assert!(sentinel.server.is_sentinel());
        assert_eq!(address(&sentinel), "mm of b:26379, a:26379");
    }

    #[test]
    fn credentials_are_decoded() {
        let config = parse("redis://user:p%40ss@127.0.0.1/3").unwrap();
        assert_eq!(config.username.as_deref(), Some("user"));
        assert_eq!(config.password.as_deref(), Some("p@ss"));
        assert_eq!(config.database, Some(3));
    }

    #[test]
    fn an_invalid_url_is_refused_by_name() {
        use ConnectErrorKind::{Scheme, Url};
        let cases = [
            ("http://127.0.0.1", Scheme),
            ("127.0.0.1:6379", Scheme),
            ("", Scheme),
            ("redis:127.0.0.1", Scheme),
            ("redis-clusters://a", Scheme),
            ("valkey://a", Scheme),
            ("redis://", Url),
            ("redis://a:port", Url),
            ("redis://a:99999", Url),
            ("redis://a/database", Url),
            ("redis://a/1/2", Url),
            ("redis://a/300", Url),
            ("redis://a?db=3", Url),
            ("redis-cluster://a/1", Url),
            ("redis-cluster://a?node=b", Url),
            ("redis-sentinel://a", Url),
        ];
        for (url, kind) in cases {
            let error = parse(url).unwrap_err();
            assert_eq!(error.kind(), kind, "{url}");
            assert!(error.to_string().contains(&format!("{url:?}")), "{error}");
        }
    }

    #[cfg(not(feature = "tls"))]
    #[test]
    fn tls_without_the_feature_says_which_one_is_missing() {
        for url in ["rediss://a", "rediss-cluster://a", "rediss-sentinel://a"] {
            let error = parse(url).unwrap_err();
            assert_eq!(error.kind(), ConnectErrorKind::Feature);
            assert!(error.to_string().contains("feature `tls`"), "{error}");
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_urls_are_taken() {
        assert!(parse("rediss://127.0.0.1").unwrap().uses_tls());
        assert!(parse("rediss-cluster://127.0.0.1").unwrap().uses_tls());
    }

    #[cfg(feature = "unix-sockets")]
    #[test]
    fn unix_sockets_are_taken() {
        let config = parse("redis+unix://user:pw@any/run/redis.sock").unwrap();
        assert!(config.server.is_unix_socket());
        assert_eq!(config.password.as_deref(), Some("pw"));
    }

    #[test]
    fn no_password_is_ever_shown() {
        let cases = [
            ("redis://host", "redis://host"),
            ("redis://user@host", "redis://user@host"),
            ("redis://user:secret@host/1", "redis://user:***@host/1"),
            ("redis://:secret@host", "redis://:***@host"),
            ("redis://:sec/ret@host", "redis://:***@host"),
            ("redis://:sec@ret@host", "redis://:***@host"),
            ("user:secret@host", "user:***@host"),
            (
                "redis-sentinel://:secret@a?sentinelPassword=secret&node=b:1",
                "redis-sentinel://:***@a?sentinelPassword=***&node=b:1",
            ),
        ];
        for (url, shown) in cases {
            assert_eq!(masked(url), shown);
        }
    }

    #[test]
    fn the_error_of_an_unescaped_password_does_not_show_it() {
        for url in ["redis://user:12?secret@host", "redis://:sec/secret@host", "redis://:#secret@host"] {
            let error = parse(url).unwrap_err().to_string();
            assert!(!error.contains("sec"), "{error}");
        }
    }
}
