//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use clap::builder::BoolishValueParser;
use http::HeaderName;

use crate::origin::Origin;
use crate::via::ViaName;

/// A caching reverse proxy: Larder in front of any HTTP service.
///
/// What the origin says in Cache-Control, Expires, Vary and its like decides what is stored and for how long. The Host of each
/// request reaches the origin as the client sent it. Clients speak HTTP/1.1 or 1.0 to it, and it the same to the origin;
/// TLS is for what stands in front. Log lines go to standard error; RUST_LOG chooses them.
#[derive(Debug, Clone, Parser)]
#[command(name = "reverse-proxy", version)]
#[non_exhaustive]
pub struct Args {
    /// The service behind it, as http://host:port.
    #[arg(long, env = "PROXY_ORIGIN", value_name = "URL")]
    pub origin: Origin,

    /// Where to listen. Port 0 takes a free port; the first line of output says which.
    #[arg(long, env = "PROXY_ADDR", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// The Redis that instances share, as redis://host:port. Without it the cache is in this process alone.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// What its keys in Redis begin with, after larder:. Proxies for different services that share a Redis need one each.
    #[arg(long, env = "PROXY_NAMESPACE", value_name = "NAME", default_value = "reverse-proxy")]
    pub namespace: String,

    /// The longest that a request waits for Redis.
    #[arg(long, env = "PROXY_REDIS_TIMEOUT", value_name = "DURATION", default_value = "50ms", value_parser = limit)]
    pub redis_timeout: Duration,

    /// What it calls itself in Via: a name without blanks or commas, the same for all instances.
    #[arg(long, env = "PROXY_NAME", default_value = "larder")]
    pub name: ViaName,

    /// The memory for stored responses, in MiB. With 0 they are in Redis alone.
    #[arg(long, env = "PROXY_MEMORY", value_name = "MIB", default_value_t = 64)]
    pub memory: u32,

    /// The largest body that is stored, in MiB. Larger ones are passed on.
    #[arg(long, env = "PROXY_MAX_BODY", value_name = "MIB", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_body: u16,

    /// Obey what clients say in Cache-Control: no-cache, max-age and their like. Without it no client can force work on the origin.
    #[arg(long, env = "PROXY_OBEY_REQUESTS", value_parser = BoolishValueParser::new())]
    pub obey_requests: bool,

    /// Store responses that set cookies, too, if they say how long they are fresh. Every client then gets the same cookie, so it
    /// is for origins that say `private` where that must not be.
    #[arg(long, env = "PROXY_STORE_SET_COOKIE", value_parser = BoolishValueParser::new())]
    pub store_set_cookie: bool,

    /// Store the parts, too, that the origin answers requests for ranges with, and put them together.
    #[arg(long, env = "PROXY_STORE_PARTIAL", value_parser = BoolishValueParser::new())]
    pub store_partial: bool,

    /// Fields that go before Cache-Control where a response has them (RFC 9213): CDN-Cache-Control, say. Several with commas.
    #[arg(long, env = "PROXY_TARGETS", value_name = "FIELDS", value_delimiter = ',')]
    pub targets: Vec<HeaderName>,

    /// Take Accept-Language in any order and case for the same, where responses vary by it.
    #[arg(long, env = "PROXY_SORT_LANGUAGES", value_parser = BoolishValueParser::new())]
    pub sort_languages: bool,

    /// Heed No-Vary-Search: responses that say so answer queries which differ in nothing that matters.
    #[arg(long, env = "PROXY_NO_VARY_SEARCH", value_parser = BoolishValueParser::new())]
    pub no_vary_search: bool,

    /// For how long a stale response is served while the origin fails, where the response says nothing else about that.
    #[arg(long, env = "PROXY_STALE_IF_ERROR", value_name = "DURATION", value_parser = limit)]
    pub stale_if_error: Option<Duration>,

    /// How long a connection to the origin may take to open; then the answer is 504.
    #[arg(long, env = "PROXY_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "3s", value_parser = limit)]
    pub connect_timeout: Duration,

    /// How long the origin may take to begin its response once it has the whole request; then the answer is 504.
    #[arg(long, env = "PROXY_RESPONSE_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub response_timeout: Duration,

    /// How long either side may pause in the middle of a body, whether it sends or reads, and a client between and within the
    /// heads of its requests.
    #[arg(long, env = "PROXY_IDLE_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub idle_timeout: Duration,
}

/// A time limit. None at all would let one stalled peer hold a connection for ever.
fn limit(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if limit.is_zero() { Err("a time limit of zero lets nothing through".to_owned()) } else { Ok(limit) }
}
