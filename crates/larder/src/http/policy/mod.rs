//! The policy of a route: which responses are stored, under which key, and for how long.

mod behind_gateway;
pub(crate) mod description;
pub(crate) mod diagnostics;
pub(crate) mod downstream;
mod encode;
pub(crate) mod fill_limits;
mod host;
mod http_options;
pub(crate) mod invalidation_rules;
pub(crate) mod key;
pub(crate) mod key_writer;
mod lifetime;
mod limits;
mod missing_parameter;
pub(crate) mod names;
mod query;
pub(crate) mod read_your_writes;
mod replica_lag;
pub(crate) mod request_rules;
mod rfc9111;
pub(crate) mod routed_request;
mod sharing;
pub(crate) mod template_registry;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, StatusCode};
use larder_core::http::downstream::DownstreamRules;
use larder_core::http::storable::StoreRules;
use larder_core::key::query::QueryRules;
use larder_core::key::template::Template;
use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

use crate::engine::config_error::ConfigError;
use crate::http::policy::fill_limits::FillLimits;
use crate::http::policy::http_options::GeneratedEtag;
use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::policy::key::{CookieRules, KeySource};
use crate::http::policy::request_rules::RequestRules;
use crate::http::policy::routed_request::RequestTagsFn;

/// A function that returns a part of the key for a request, or `None` for a bypass.
pub(crate) type KeyFn = Arc<dyn Fn(&Parts) -> Option<String> + Send + Sync>;

/// The rules for caching the responses of a route.
///
/// A policy is a chain of calls. It is passed to [`Cache::layer`](crate::Cache::layer):
///
/// ```
/// use larder::{Cache, Policy, ttl};
///
/// let cache = Cache::default();
/// let policy = Policy::ttl(ttl::STANDARD).tag("product:{id}");
/// let layer = cache.layer(policy);
/// ```
///
/// A policy that starts with [`ttl`] stores responses to `GET` with a 2xx status code and a body of
/// up to 1 MiB. Their key is the scheme, the host, the path and the whole query. A response is not
/// stored if it has `no-store` or `private`, or if it sets a cookie. A response to a request with
/// credentials is only stored if the response itself or the policy permits sharing it. Credentials
/// are `Authorization`, the cookies that the policy does not declare, and the fields of
/// [`CacheBuilder::credentials`](crate::CacheBuilder::credentials).
///
/// # Which methods for which application
///
/// | I have … | These methods help |
/// | --- | --- |
/// | cookies | [`ignore_cookie`] if responses do not depend on a cookie, [`key_cookie`] if they do, [`per_user`] if the cookie is a session |
/// | JWTs or other `Authorization` | [`per_user`] if responses depend on the user: verify the token in a layer around the cache. [`share_authorized`] if they do not |
/// | large bodies of text | [`encode`] compresses each stored response once |
/// | a CDN in front | [`downstream`] sets how long it and browsers may use a response. [`targeted_cache_control`] gives this cache its own field instead of `Cache-Control`. [`tags_from`] reads the tags that a handler lists for the CDN |
/// | another Larder in front, over the same log | [`behind_gateway`] |
/// | GraphQL | [`query_only`] or [`key_with`], for queries by `GET`: see [below](#graphql) |
/// | large files | [`max_body`] allows larger bodies. [`store_partial`] stores the parts that a handler sends if it answers range requests itself |
/// | a slow handler | [`stale_while_revalidate`] and [`early_refresh`] refresh in the background. [`fill_timeout`] and [`unknown_length_wait`] limit how long requests wait for the run of another request. [`follow_unknown_length`] streams its body to them |
/// | an unreliable handler | [`stale_if_error`] serves stale responses. [`retry_after_error`] sets how often it is asked meanwhile |
/// | handlers that read a database replica | [`replica_lag`] |
/// | several tenants | [`partition`] |
/// | a search with free text | [`query_only`] for the key. [`max_new_keys_per_minute`] against made-up queries |
/// | users that must see their own changes | [`read_your_writes`] |
/// | a service that sends correct caching fields | [`rfc9111`] |
///
/// # Methods by task
///
/// ## Key
///
/// Which requests share a stored response.
///
/// * [`key`]: replaces the URI with a template of path parameters
/// * [`key_with`]: replaces the URI with the result of a function
/// * [`query_only`], [`query_ignoring`], [`ignore_query`], [`query_sorted`]: choose and sort the
///   query parameters
/// * [`no_vary_search`]: lets responses name the query parameters that matter
/// * [`ignore_host`]: shares responses between all hosts of a service
/// * [`key_header`], [`key_cookie`]: add a header field or a cookie
/// * [`sort_languages`]: gives `Accept-Language` one order, for responses that vary on it
///
/// ## Lifetime
///
/// How long a response is fresh, and how long it may be served stale.
///
/// * [`ttl`]: sets the freshness lifetime
/// * [`status`]: adds a status code, such as 404, with its lifetime
/// * [`stale_while_revalidate`], [`stale_if_error`]: allow stale responses
/// * [`error_status`]: adds a status code that counts as a failure
/// * [`jitter`]: varies lifetimes at random
/// * [`early_refresh`]: refreshes a response before it becomes stale
/// * [`heuristic_freshness`], [`no_heuristic_freshness`]: derive lifetimes from `Last-Modified`,
///   or not
///
/// ## Sharing
///
/// Which responses more than one user may get.
///
/// * [`per_user`]: stores the responses of each user separately
/// * [`partition`]: stores the responses of each tenant or language separately
/// * [`share_authorized`]: shares responses to requests with `Authorization`
/// * [`ignore_cookie`], [`ignore_cookies`]: share responses to requests with cookies
/// * [`store_set_cookie`]: shares responses that set cookies
///
/// ## Invalidation
///
/// By which names a response is invalidated, and what a write invalidates.
///
/// * [`tag`], [`tag_with`], [`tags_from`]: add tags from a template, a function or a field
/// * [`invalidates`]: adds a tag that writes invalidate
/// * [`cache_groups`], [`no_cache_groups`]: honor or ignore cache groups (RFC 9875)
/// * [`invalidate_locations`], [`no_invalidate_locations`]: invalidate the URIs in `Location`, or
///   not
/// * [`invalidate_failed_writes`]: also invalidates after writes that failed
/// * [`safe_method`]: adds a method that invalidates nothing
/// * [`read_your_writes`]: lets clients see their own writes at once
/// * [`replica_lag`]: for handlers that read a database replica
///
/// ## Limits
///
/// How much may be stored, and how long requests wait for each other.
///
/// * [`max_body`]: limits the size of stored bodies
/// * [`max_new_keys_per_minute`]: limits new keys in the shared store
/// * [`fill_timeout`]: limits the wait for a handler
/// * [`serve_stale_after`]: serves a stale response if the handler is slow
/// * [`retry_after_error`]: limits how often a failing handler is asked
/// * [`unknown_length_wait`], [`follow_unknown_length`]: apply to bodies of unknown length
/// * [`max_reruns`]: limits the runs of a handler after one that cannot be shared
/// * [`own_request_wait`]: limits the wait of a handler for itself
///
/// ## HTTP
///
/// Which optional parts of the protocol apply.
///
/// * [`rfc9111`]: creates a policy that follows header fields only
/// * [`downstream`]: sets how long browsers and CDNs may use a response
/// * [`targeted_cache_control`]: reads a field instead of `Cache-Control` (RFC 9213)
/// * [`honor_request_directives`]: honors `Cache-Control` in requests
/// * [`store_partial`]: stores partial responses (206)
/// * [`encode`]: codes stored responses with brotli, zstd or gzip
/// * [`no_etag`], [`strong_etag`]: turns generated entity tags off, or makes them strong
///
/// ## Diagnostics
///
/// How errors and routes are reported.
///
/// * [`validate`]: returns an invalid policy as an error
/// * [`name`]: names the route in metrics
/// * [`class`]: names the lifetime class in metrics
/// * [`expose_cache_key`]: sends the key in a response field
/// * [`behind_gateway`]: states the position of stored responses for a Larder in front
/// * [`served_extension`]: reports to other layers how a request was answered
///
/// # GraphQL
///
/// `POST` requests are not cached: they always run the handler. Send queries by `GET`. By default
/// their whole query string is in the key, and [`query_only`] limits it to the parameters of
/// GraphQL. A request with a key over 8 KiB is not cached. Persisted queries keep the key short.
/// For other long queries, [`key_with`] can build a short key, for example from a digest.
///
/// ```
/// use larder::{Policy, ttl};
///
/// let policy = Policy::ttl(ttl::FREQUENT)
///     .query_only(["query", "operationName", "variables", "extensions"]);
/// ```
///
/// A handler names the objects in a response by [`Tags`](crate::Tags), and the changes of a
/// mutation by an [`Invalidation`](crate::Invalidation). GraphQL errors often have the status code
/// 200, so such a response needs `Cache-Control: no-store`.
///
/// # Ranges
///
/// With every policy, a stored 200 response also answers requests for byte ranges (206). Handlers
/// do not need to support ranges. If nothing is stored, the handler gets the request with its
/// range. If it answers with the complete representation, that is stored. A handler that does not
/// want its responses to be served in parts sends `Accept-Ranges: none`.
///
/// # Invalid policies
///
/// A policy records the first invalid value, such as a template that cannot be parsed or a lifetime
/// of zero. [`validate`] and [`Cache::try_layer`](crate::Cache::try_layer) return it as an error.
/// [`Cache::layer`](crate::Cache::layer) panics at startup, as `Router::route` does for an invalid
/// path.
///
/// [`cache_groups`]: Self::cache_groups
/// [`class`]: Self::class
/// [`downstream`]: Self::downstream
/// [`early_refresh`]: Self::early_refresh
#[cfg_attr(feature = "encode", doc = "[`encode`]: Self::encode")]
#[cfg_attr(not(feature = "encode"), doc = "[`encode`]: #http")]
/// [`error_status`]: Self::error_status
/// [`expose_cache_key`]: Self::expose_cache_key
/// [`max_reruns`]: Self::max_reruns
/// [`own_request_wait`]: Self::own_request_wait
/// [`behind_gateway`]: Self::behind_gateway
/// [`fill_timeout`]: Self::fill_timeout
/// [`follow_unknown_length`]: Self::follow_unknown_length
/// [`heuristic_freshness`]: Self::heuristic_freshness
/// [`honor_request_directives`]: Self::honor_request_directives
/// [`ignore_cookie`]: Self::ignore_cookie
/// [`ignore_cookies`]: Self::ignore_cookies
/// [`ignore_host`]: Self::ignore_host
/// [`ignore_query`]: Self::ignore_query
/// [`invalidate_failed_writes`]: Self::invalidate_failed_writes
/// [`invalidate_locations`]: Self::invalidate_locations
/// [`invalidates`]: Self::invalidates
/// [`jitter`]: Self::jitter
/// [`key`]: Self::key
/// [`key_cookie`]: Self::key_cookie
/// [`key_header`]: Self::key_header
/// [`key_with`]: Self::key_with
/// [`max_body`]: Self::max_body
/// [`max_new_keys_per_minute`]: Self::max_new_keys_per_minute
/// [`name`]: Self::name
/// [`no_cache_groups`]: Self::no_cache_groups
/// [`no_etag`]: Self::no_etag
/// [`no_heuristic_freshness`]: Self::no_heuristic_freshness
/// [`no_invalidate_locations`]: Self::no_invalidate_locations
/// [`no_vary_search`]: Self::no_vary_search
/// [`partition`]: Self::partition
/// [`per_user`]: Self::per_user
/// [`query_ignoring`]: Self::query_ignoring
/// [`query_only`]: Self::query_only
/// [`query_sorted`]: Self::query_sorted
/// [`read_your_writes`]: Self::read_your_writes
/// [`replica_lag`]: Self::replica_lag
/// [`retry_after_error`]: Self::retry_after_error
/// [`rfc9111`]: Self::rfc9111
/// [`safe_method`]: Self::safe_method
/// [`serve_stale_after`]: Self::serve_stale_after
/// [`served_extension`]: Self::served_extension
/// [`share_authorized`]: Self::share_authorized
/// [`sort_languages`]: Self::sort_languages
/// [`stale_if_error`]: Self::stale_if_error
/// [`stale_while_revalidate`]: Self::stale_while_revalidate
/// [`status`]: Self::status
/// [`store_partial`]: Self::store_partial
/// [`store_set_cookie`]: Self::store_set_cookie
/// [`strong_etag`]: Self::strong_etag
/// [`tag`]: Self::tag
/// [`tag_with`]: Self::tag_with
/// [`tags_from`]: Self::tags_from
/// [`targeted_cache_control`]: Self::targeted_cache_control
/// [`ttl`]: Self::ttl
/// [`unknown_length_wait`]: Self::unknown_length_wait
/// [`validate`]: Self::validate
#[derive(Clone)]
pub struct Policy {
    pub(crate) store: StoreRules,
    pub(crate) jitter: Jitter,
    pub(crate) early_refresh: EarlyRefresh,
    pub(crate) max_body: usize,
    pub(crate) fill_limits: FillLimits,
    pub(crate) replica_lag: Option<Duration>,
    /// The status codes that count as failures, besides those of RFC 5861.
    error_statuses: Vec<StatusCode>,
    pub(crate) max_new_keys: Option<u32>,
    pub(crate) generated_etag: GeneratedEtag,
    pub(crate) expose_cache_key: bool,
    /// Whether stored responses go out with their position, where a request asks for it.
    pub(crate) states_position: bool,
    pub(crate) downstream: Option<DownstreamRules>,
    /// Whether one of these three is set. A hit checks only this.
    pub(crate) adds_fields: bool,
    pub(crate) key: KeySource,
    pub(crate) query: QueryRules,
    sort_query: bool,
    pub(crate) ignores_host: bool,
    pub(crate) key_headers: Vec<HeaderName>,
    pub(crate) cookies: CookieRules,
    pub(crate) partition: Option<KeyFn>,
    /// Whether the partition is a user: `{user}` in templates then stands for it.
    is_per_user: bool,
    pub(crate) request_rules: Option<Box<RequestRules>>,
    pub(crate) tags: Vec<Template>,
    pub(crate) tag_functions: Vec<RequestTagsFn>,
    pub(crate) invalidation_rules: InvalidationRules,
    pub(crate) name: Option<Arc<str>>,
    class: Option<Arc<str>>,
    pub(crate) problem: Option<ConfigError>,
}

/// The default of [`Policy::max_body`]: 1 MiB.
const DEFAULT_MAX_BODY: usize = 1024 * 1024;

impl Policy {
    /// Creates a policy with this freshness lifetime.
    ///
    /// It applies to responses that do not state their own lifetime: by
    /// [`CacheFor`](crate::CacheFor) first, then by `Cache-Control` and `Expires`. The module
    /// [`ttl`](crate::ttl) has five lifetimes to choose from. The lifetime of each response differs
    /// a little: see [`jitter`](Self::jitter).
    ///
    /// A lifetime that a deploy lowers also counts for what is in the shared store already. So do
    /// lowered stale windows and [status](Self::status) lifetimes. What was stored with a shorter
    /// lifetime keeps that.
    ///
    /// It counts from the call of the handler, since what the handler has read may be that old (RFC
    /// 9111 §4.2.3). So a response with a lifetime of 500 ms is not stored if the handler takes
    /// longer than that. The reason is then `no-lifetime`.
    ///
    /// Minimum: 1 ms. Maximum: 1 year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Policy, ttl};
    ///
    /// let an_hour = Policy::ttl(ttl::STANDARD);
    /// let two_minutes = Policy::ttl(Duration::from_secs(120));
    /// ```
    #[must_use]
    pub fn ttl(lifetime: Duration) -> Self {
        let mut policy = Self::with_rules(StoreRules::default());
        policy.store.lifetime.fresh = policy.validated_lifetime("freshness lifetime", lifetime);
        policy
    }

    /// Creates a policy with these rules for storing responses. Everything else is at its default.
    fn with_rules(store: StoreRules) -> Self {
        Self {
            store,
            jitter: Jitter::DEFAULT,
            early_refresh: EarlyRefresh::OPTIMAL,
            max_body: DEFAULT_MAX_BODY,
            fill_limits: FillLimits::default(),
            replica_lag: None,
            error_statuses: Vec::new(),
            max_new_keys: None,
            generated_etag: GeneratedEtag::Weak,
            expose_cache_key: false,
            states_position: false,
            adds_fields: false,
            downstream: None,
            key: KeySource::Uri,
            query: QueryRules::all(),
            sort_query: false,
            ignores_host: false,
            key_headers: Vec::new(),
            cookies: CookieRules::default(),
            partition: None,
            is_per_user: false,
            request_rules: None,
            tags: Vec::new(),
            tag_functions: Vec::new(),
            invalidation_rules: InvalidationRules::default(),
            name: None,
            class: None,
            problem: None,
        }
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Policy")
            .field("lifetime", &self.store.lifetime)
            .field("key", &self.key)
            .field("tags", &self.tags)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
