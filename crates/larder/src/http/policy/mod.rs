//! What a route's responses are kept for, under which key, and by which names they can be invalidated.

pub(crate) mod error;
pub(crate) mod fill_limits;
pub(crate) mod invalidation_rules;
pub(crate) mod key;
pub(crate) mod names;
pub(crate) mod read_your_writes;
pub(crate) mod request_rules;
mod rfc9111;
mod validate;

use std::sync::Arc;
use std::time::Duration;

use http::request::Parts;
use http::{HeaderName, StatusCode};
use larder_core::http::early::EarlyRefresh;
use larder_core::http::jitter::Jitter;
use larder_core::http::storable::StoreRules;
use larder_core::key::query::QueryRules;
use larder_core::key::template::Template;

use crate::http::policy::error::{ConfigError, ConfigErrorKind};
use crate::http::policy::fill_limits::FillLimits;
use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::policy::key::{CookieRules, KeySource};
use crate::http::policy::request_rules::RequestRules;

/// A function from a request's parts to a piece of its key.
pub(crate) type KeyFn = Arc<dyn Fn(&Parts) -> Option<String> + Send + Sync>;

/// How the responses of a route are cached.
///
/// A policy is written as a chain and handed to [`Cache::layer`](crate::Cache::layer):
///
/// ```
/// use larder::{Cache, Policy, ttl};
///
/// let cache = Cache::default();
/// let policy = Policy::ttl(ttl::STANDARD).tag("product:{id}");
/// let layer = cache.layer(policy);
/// ```
///
/// Without more, `GET` responses with a 2xx status and a body of up to 1 MiB are stored under scheme, host, path and
/// the whole query; what says `no-store` or `private`, sets a cookie, or answers a request with credentials is not.
///
/// A request for ranges of bytes is answered with its part (206) of a stored 200, whichever policy: handlers need to know
/// nothing of ranges. What is not stored is asked of the handler with the range in it, and where that answers with the whole,
/// the whole is stored. A handler whose responses must not be cut says `Accept-Ranges: none` in them.
///
/// A text that cannot be right (a template, a lifetime) is remembered and reported by
/// [`checked`](Self::validate), by [`Cache::try_layer`](crate::Cache::try_layer) as an error, and by
/// [`Cache::layer`](crate::Cache::layer) as a panic at start-up, the way `Router::route` treats a path that cannot be right.
#[derive(Clone)]
pub struct Policy {
    pub(crate) store: StoreRules,
    pub(crate) jitter: Jitter,
    pub(crate) early_refresh: EarlyRefresh,
    pub(crate) max_body: usize,
    pub(crate) fill_limits: FillLimits,
    pub(crate) max_new_keys: Option<u32>,
    pub(crate) make_etag: bool,
    pub(crate) expose_cache_key: bool,
    pub(crate) key: KeySource,
    pub(crate) query: QueryRules,
    sort_query: bool,
    pub(crate) key_headers: Vec<HeaderName>,
    pub(crate) cookies: CookieRules,
    pub(crate) partition: Option<KeyFn>,
    pub(crate) request_rules: Option<Box<RequestRules>>,
    pub(crate) tags: Vec<Template>,
    pub(crate) invalidation_rules: InvalidationRules,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) problem: Option<ConfigError>,
}

/// The largest body that is stored where a policy says nothing else: 1 MiB.
const DEFAULT_MAX_BODY: usize = 1024 * 1024;

impl Policy {
    /// Responses are fresh for this long, unless they say otherwise themselves: by
    /// [`CacheFor`](crate::CacheFor) first, then by `Cache-Control` and `Expires`.
    ///
    /// At least a second and at most a year. [`ttl`](crate::engine::ttl) has five classes to choose from. Each response's own
    /// differs a little from this: see [`jitter`](Self::jitter).
    #[must_use]
    pub fn ttl(lifetime: Duration) -> Self {
        let mut policy = Self::with_rules(StoreRules::default());
        policy.store.lifetime.fresh = policy.validated_lifetime("freshness lifetime", lifetime);
        policy
    }

    fn with_rules(store: StoreRules) -> Self {
        Self {
            store,
            jitter: Jitter::TWENTIETH,
            early_refresh: EarlyRefresh::OPTIMAL,
            max_body: DEFAULT_MAX_BODY,
            fill_limits: FillLimits::default(),
            max_new_keys: None,
            make_etag: true,
            expose_cache_key: false,
            key: KeySource::Uri,
            query: QueryRules::all(),
            sort_query: false,
            key_headers: Vec::new(),
            cookies: CookieRules::default(),
            partition: None,
            request_rules: None,
            tags: Vec::new(),
            invalidation_rules: InvalidationRules::default(),
            name: None,
            problem: None,
        }
    }

    /// For this long after the end of its freshness lifetime a response is still served, while one request refreshes
    /// it in the background (RFC 5861 §3). Not at all by default; a response's own `stale-while-revalidate` comes first.
    #[must_use]
    pub fn stale_while_revalidate(mut self, window: Duration) -> Self {
        self.store.lifetime.while_revalidate =
            self.validated_lifetime("stale-while-revalidate window", window);
        self
    }

    /// For this long after the end of its freshness lifetime a response is served when the handler fails: with 500,
    /// 502, 503 or 504, or an error of the service (RFC 5861 §4). Not at all by default; a response's own
    /// `stale-if-error` comes first.
    #[must_use]
    pub fn stale_if_error(mut self, window: Duration) -> Self {
        self.store.lifetime.if_error = self.validated_lifetime("stale-if-error window", window);
        self
    }

    /// By up to this fraction the freshness lifetime of a response differs from what was said, at random, so that what was
    /// stored at one moment does not expire at one moment. From 0, which is not at all, to 0.5; 0.05 by default.
    ///
    /// The lifetimes of the policy and of [`CacheFor`](crate::CacheFor) get longer or shorter. One that a response
    /// states in `Cache-Control` or `Expires` only gets shorter (RFC 9111 §4.2).
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let exactly_an_hour = Policy::ttl(ttl::STANDARD).jitter(0.0);
    /// ```
    #[must_use]
    pub fn jitter(mut self, fraction: f64) -> Self {
        match Jitter::new(fraction) {
            Some(jitter) => self.jitter = jitter,
            None => self.record_error(ConfigErrorKind::Jitter, &fraction.to_string()),
        }
        self
    }

    /// How eagerly a response is refreshed in the background shortly before it goes stale, so that nobody waits for it:
    /// the β of XFetch (Vattani, Chierichetti and Lowenstein, VLDB 2015). From 0, which is not at all, to 1000; 1 by
    /// default, which the paper shows to be best.
    ///
    /// Each hit near the end of the lifetime may be the one that refreshes, and is answered like any other. A request
    /// `t` before the end does so with the probability `e^(-t / (cost · β))`, where `cost` is how long the handler took the
    /// last time: what took 100 ms is refreshed in its last few hundred milliseconds, if it is asked for then.
    #[must_use]
    pub fn early_refresh(mut self, beta: f64) -> Self {
        match EarlyRefresh::new(beta) {
            Some(early) => self.early_refresh = early,
            None => self.record_error(ConfigErrorKind::EarlyRefresh, &beta.to_string()),
        }
        self
    }

    /// Responses with this status are stored too, for this long: a 404 for ten seconds, say.
    #[must_use]
    pub fn status(mut self, status: StatusCode, lifetime: Duration) -> Self {
        let lifetime = self.validated_lifetime("lifetime of a status", lifetime);
        self.store.statuses = std::mem::take(&mut self.store.statuses).with(status, Some(lifetime));
        if status == StatusCode::PARTIAL_CONTENT
            || status == StatusCode::NOT_MODIFIED
            || status.is_informational()
        {
            self.record_error(ConfigErrorKind::Status, status.as_str());
        }
        self
    }

    /// Gives each response this tag. `{name}` stands for a path parameter of the route: `product:{id}`.
    ///
    /// A request whose route lacks a parameter goes past the cache, since its response could not be invalidated.
    #[must_use]
    pub fn tag(mut self, template: &str) -> Self {
        if let Some(template) = self.parsed_template(template) {
            self.tags.push(template);
        }
        self
    }

    /// Stores responses under this key instead of their URI. `{name}` stands for a path parameter of the route:
    /// `user:{id}`.
    ///
    /// Whatever the template does not name is not in the key: neither the host nor the query. Two routes with the same
    /// template share their responses.
    #[must_use]
    pub fn key(mut self, template: &str) -> Self {
        if let Some(template) = self.parsed_template(template) {
            self.key = KeySource::Template(template);
        }
        self
    }

    /// Stores responses under the key that `key` makes of the request's parts; a request for which it makes none goes
    /// past the cache.
    ///
    /// ```
    /// use larder::{Policy, ttl};
    ///
    /// let policy = Policy::ttl(ttl::STANDARD).key_with(|parts| Some(format!("page:{}", parts.uri.path())));
    /// ```
    #[must_use]
    pub fn key_with(mut self, key: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.key = KeySource::With(Arc::new(key));
        self
    }

    /// Only these query parameters are in the key. Names are compared as a handler sees them, percent-decoded.
    ///
    /// Where a URI is invalidated by a cache with such a policy, so is what answers it, whichever other parameters that was
    /// asked for with.
    #[must_use]
    pub fn query_only<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.query = QueryRules::only(names);
        self.apply_sorting()
    }

    /// These query parameters are not in the key: `utm_source`, say. A URI is invalidated whatever they are, as with
    /// [`query_only`](Self::query_only).
    #[must_use]
    pub fn query_ignoring<'a>(mut self, names: impl IntoIterator<Item = &'a str>) -> Self {
        self.query = QueryRules::ignoring(names);
        self.apply_sorting()
    }

    /// Query parameters in another order make the same key. Parameters of one name keep their order.
    #[must_use]
    pub fn query_sorted(mut self) -> Self {
        self.sort_query = true;
        self.apply_sorting()
    }

    fn apply_sorting(mut self) -> Self {
        if self.sort_query {
            self.query = self.query.sorted();
        }
        self
    }

    /// Adds a request header field to the key.
    #[must_use]
    pub fn key_header(mut self, name: HeaderName) -> Self {
        self.key_headers.push(name);
        self
    }

    /// Adds a cookie to the key. A request with cookies that the policy does not declare, here or by
    /// [`ignore_cookie`](Self::ignore_cookie), goes to the handler.
    #[must_use]
    pub fn key_cookie(mut self, name: &str) -> Self {
        let name = self.validated_cookie_name(name);
        self.cookies.keyed.push(name);
        self
    }

    /// Declares that responses do not depend on this cookie.
    #[must_use]
    pub fn ignore_cookie(mut self, name: &str) -> Self {
        let name = self.validated_cookie_name(name);
        self.cookies.ignored.push(name);
        self
    }

    /// Declares that responses depend on no cookie but those of [`key_cookie`](Self::key_cookie).
    #[must_use]
    pub fn ignore_cookies(mut self) -> Self {
        self.cookies.ignore_all = true;
        self
    }

    /// Keeps responses apart by what `partition` makes of the request: a tenant, a language. A request for which it
    /// makes nothing goes past the cache.
    ///
    /// Requests with credentials still go to the handler: say [`per_user`](Self::per_user) if the value tells users
    /// apart.
    #[must_use]
    pub fn partition(mut self, partition: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.partition = Some(Arc::new(partition));
        self
    }

    /// Keeps the responses of each user apart, and so may store and serve responses to requests with `Authorization` or
    /// cookies: `user` makes of the request whoever it is from. A request for which it makes nothing goes past the cache.
    ///
    /// The value stands in keys, in memory and in Redis: choose an id, not a secret. It has to be one that the caller
    /// cannot choose freely: whoever can send another user's value gets that user's responses.
    #[must_use]
    pub fn per_user(self, user: impl Fn(&Parts) -> Option<String> + Send + Sync + 'static) -> Self {
        self.partition(user).share_authorized().ignore_cookies()
    }

    /// Declares that responses do not depend on `Authorization` (RFC 9111 §3.5).
    #[must_use]
    pub fn share_authorized(mut self) -> Self {
        self.store.share_authorized = true;
        self
    }

    /// Bodies of up to this many bytes are stored; 1 MiB by default. A larger one is passed on untouched.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        if bytes == 0 {
            self.record_error(ConfigErrorKind::Limit, "max_body 0");
        }
        self.max_body = bytes;
        self
    }

    /// Stores parts as well, which handlers with ranges of their own answer with (206), and serves from them what lies within
    /// them. Two that touch are made one, if they have the same strong `ETag` (or `Last-Modified`, where that is strong), and
    /// all of it together is the whole (RFC 9111 §3.3, §3.4).
    ///
    /// By default they pass untouched; parts of a whole that is stored are served in any case. Of each key, or variant, one
    /// part is kept, of up to [`max_body`](Self::max_body) bytes: it is for what is fetched in pieces that follow each other.
    #[must_use]
    pub const fn store_partial(mut self) -> Self {
        self.store.partial = true;
        self
    }

    /// At most so many responses a minute go to the shared store under a key or variant that was not stored before; as
    /// many as come by default. Beyond that a response is kept in memory alone, which is bounded by bytes.
    ///
    /// For routes whose keys a client can make up, such as a search: no flood of them pushes the rest out of Redis. It
    /// counts for each instance and each layer; what is refreshed or was invalidated costs nothing.
    #[must_use]
    pub const fn max_new_keys_per_minute(mut self, most: u32) -> Self {
        self.max_new_keys = Some(most);
        self
    }

    /// Does not make a strong `ETag` for responses that have none.
    #[must_use]
    pub fn no_etag(mut self) -> Self {
        self.make_etag = false;
        self
    }

    /// Lets requests decide: `Cache-Control: no-cache`, `max-age`, `no-store` and their like are obeyed. By default
    /// they are not, so that no client can force work on the handler. `only-if-cached` is then answered with 504 where
    /// nothing is stored that may be served.
    #[must_use]
    pub fn honor_request_directives(mut self) -> Self {
        self.store.follow_request = true;
        self
    }

    /// Sends `X-Cache-Key` with each response. For debugging: a key may tell what a client should not know.
    #[must_use]
    pub fn expose_cache_key(mut self) -> Self {
        self.expose_cache_key = true;
        self
    }

    /// The name of the route in metrics. By default the path it was routed by, where axum tells it, else `unnamed`.
    #[must_use]
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
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
