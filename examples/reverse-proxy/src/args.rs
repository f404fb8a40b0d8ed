//! The command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Parser;
use clap::builder::BoolishValueParser;
use http::HeaderName;

use crate::origin::Origin;
use crate::purge_token::PurgeToken;
use crate::via::ViaName;

/// The default of `--memory`, in MiB.
pub(crate) const DEFAULT_MEMORY: u32 = 64;

/// A caching reverse proxy: Larder in front of any HTTP service.
///
/// The origin's Cache-Control, Expires, Vary and related fields decide what is stored and for how
/// long. The Host of each request reaches the origin as the client sent it. The proxy speaks
/// HTTP/1.1 and 1.0 to clients, and HTTP/1.1 to the origin. TLS is the job of a load balancer in
/// front of it. Log lines go to standard error; RUST_LOG chooses them.
#[derive(Debug, Clone, Parser)]
#[command(name = "reverse-proxy", version)]
#[non_exhaustive]
pub struct Args {
    /// The service behind the proxy, as http://host:port.
    #[arg(long, env = "PROXY_ORIGIN", value_name = "URL")]
    pub origin: Origin,

    /// The address to listen on. Port 0 picks a free port; the first line of output shows it.
    #[arg(long, env = "PROXY_ADDR", default_value = "127.0.0.1:8080")]
    pub addr: SocketAddr,

    /// The Redis that instances share, as redis://host:port. Without it, the cache is in this
    /// process alone.
    #[arg(long, env = "REDIS_URL", value_name = "URL", hide_env_values = true)]
    pub redis: Option<String>,

    /// The prefix of the keys in Redis, after larder:. Proxies for different services that share a
    /// Redis need different prefixes.
    #[arg(long, env = "PROXY_NAMESPACE", value_name = "NAME", default_value = "reverse-proxy")]
    pub namespace: String,

    /// The maximum time that a request waits for Redis.
    #[arg(long, env = "PROXY_REDIS_TIMEOUT", value_name = "DURATION", default_value = "50ms", value_parser = limit)]
    pub redis_timeout: Duration,

    /// The name of this proxy in Via: no blanks or commas, the same for all instances.
    #[arg(long, env = "PROXY_NAME", default_value = "larder")]
    pub name: ViaName,

    /// The memory for stored responses, in MiB. With 0, responses are stored in Redis alone. The
    /// largest body that fits is nine tenths of the memory divided by four times the number of
    /// cores, or 3.5 MiB.
    #[arg(long, env = "PROXY_MEMORY", value_name = "MIB", default_value_t = DEFAULT_MEMORY)]
    pub memory: u32,

    /// The maximum size of a stored body, in MiB. Larger bodies pass through.
    #[arg(long, env = "PROXY_MAX_BODY", value_name = "MIB", default_value = "1", value_parser = clap::value_parser!(u16).range(1..))]
    pub max_body: u16,

    /// The maximum size of a body in Redis, in MiB. Larger bodies are stored in memory alone.
    #[arg(long, env = "PROXY_MAX_SHARED_BODY", value_name = "MIB", default_value = "8", value_parser = clap::value_parser!(u16).range(1..=500))]
    pub max_shared_body: u16,

    /// Honor the Cache-Control of requests: no-cache, max-age and others. Without this option, no
    /// client can force work on the origin.
    #[arg(long, env = "PROXY_OBEY_REQUESTS", value_parser = BoolishValueParser::new())]
    pub obey_requests: bool,

    /// Store responses that set cookies too, if they have an explicit lifetime. Every client then
    /// gets the same cookie, so the origin must send `private` where that is wrong.
    #[arg(long, env = "PROXY_STORE_SET_COOKIE", value_parser = BoolishValueParser::new())]
    pub store_set_cookie: bool,

    /// Store the partial responses that the origin sends for range requests, and combine them.
    #[arg(long, env = "PROXY_STORE_PARTIAL", value_parser = BoolishValueParser::new())]
    pub store_partial: bool,

    /// Fields that override Cache-Control in a response (RFC 9213), separated by commas: for
    /// example CDN-Cache-Control.
    #[arg(long, env = "PROXY_TARGETS", value_name = "FIELDS", value_delimiter = ',')]
    pub targets: Vec<HeaderName>,

    /// Response fields that list tags, separated by commas: for example Surrogate-Key or Cache-Tag.
    /// Surrogate-Key and xkey have spaces between tags, other fields commas. Clients do not get
    /// these fields. At most 1,000 tags of at most 1,024 bytes are used. A response with more is
    /// purged by any tag.
    #[arg(long, env = "PROXY_TAGS_FROM", value_name = "FIELDS", value_delimiter = ',')]
    pub tags_from: Vec<HeaderName>,

    /// The secret of clients that may purge, 16 characters or more. They send `PURGE <uri>` with
    /// `Authorization: Bearer <token>`, and optionally tags in a field of --tags-from. Prefer the
    /// variable, as other users of the machine can see arguments.
    #[arg(long, env = "PROXY_PURGE_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    pub purge_token: Option<PurgeToken>,

    /// Ignore the order and case of Accept-Language where responses vary by it.
    #[arg(long, env = "PROXY_SORT_LANGUAGES", value_parser = BoolishValueParser::new())]
    pub sort_languages: bool,

    /// Support No-Vary-Search: a response that has this field also answers queries that differ only
    /// in irrelevant parameters.
    #[arg(long, env = "PROXY_NO_VARY_SEARCH", value_parser = BoolishValueParser::new())]
    pub no_vary_search: bool,

    /// The time for which a stale response is served while the origin fails, unless the response
    /// has its own stale-if-error.
    #[arg(long, env = "PROXY_STALE_IF_ERROR", value_name = "DURATION", value_parser = limit)]
    pub stale_if_error: Option<Duration>,

    /// The maximum time to open a connection to the origin. After it, the proxy answers 504.
    #[arg(long, env = "PROXY_CONNECT_TIMEOUT", value_name = "DURATION", default_value = "3s", value_parser = limit)]
    pub connect_timeout: Duration,

    /// The maximum time between the end of a request and the beginning of the origin's response.
    /// After it, the proxy answers 504.
    #[arg(long, env = "PROXY_RESPONSE_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub response_timeout: Duration,

    /// The maximum pause of either side in the middle of a body, and of a client between and within
    /// the heads of its requests.
    #[arg(long, env = "PROXY_IDLE_TIMEOUT", value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub idle_timeout: Duration,
}

/// Parses a time limit. Zero is an error, and there is always a limit: without one, a stalled peer
/// could hold a connection forever.
fn limit(text: &str) -> Result<Duration, String> {
    let limit = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if limit.is_zero() { Err("a time limit of zero lets nothing through".to_owned()) } else { Ok(limit) }
}
