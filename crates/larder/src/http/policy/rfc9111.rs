//! The policy of a cache that follows header fields only.

use std::time::Duration;

use http::HeaderName;
use larder_core::http::freshness::Lifetime;
use larder_core::http::heuristic::Heuristic;
use larder_core::http::storable::{StatusRules, StoreRules};
use larder_core::lifetime::early_refresh::EarlyRefresh;
use larder_core::lifetime::jitter::Jitter;

use crate::http::policy::Policy;
use crate::http::policy::http_options::GeneratedEtag;

/// The default maximum of a heuristic lifetime: a day.
///
/// RFC 7234, the predecessor of RFC 9111, asked caches to add a warning to longer ones (§5.5.4).
const MAX_HEURISTIC: Duration = Duration::from_secs(24 * 60 * 60);

/// Methods for a cache that follows header fields.
impl Policy {
    /// Creates a policy that follows only header fields, like a shared cache of RFC 9111.
    ///
    /// Use it for services that send correct caching fields, for example behind a reverse proxy.
    /// With [`ttl`](Self::ttl), the application decides. With this policy, only `Cache-Control`,
    /// `Expires`, `Vary` and similar fields of the response decide:
    ///
    /// * Responses with every final status code are stored, if they permit it.
    /// * The key is the scheme, the host, the path and the query.
    /// * Responses are fresh for exactly as long as they state.
    /// * A missing `Date` is added to responses, and no other field.
    /// * The cookies of requests do not matter.
    ///
    /// RFC 9111 leaves some decisions to the cache. You can change each of them with a method:
    ///
    /// | Decision | Default | Methods |
    /// | --- | --- | --- |
    /// | lifetimes of responses that state none (§4.2.2) | a tenth of the time since `Last-Modified`, at most a day; none for a response to a request with cookies, unless it is `public` | [`heuristic_freshness`](Self::heuristic_freshness), [`no_heuristic_freshness`](Self::no_heuristic_freshness) |
    /// | directives in requests (§5.2.1) | ignored | [`honor_request_directives`](Self::honor_request_directives) |
    /// | directives for this cache alone (RFC 9213) | none | [`targeted_cache_control`](Self::targeted_cache_control) |
    /// | responses with `Set-Cookie` (§7.3) | not stored | [`store_set_cookie`](Self::store_set_cookie) |
    /// | responses to requests with `Authorization` (§3.5) | stored if they permit sharing | [`share_authorized`](Self::share_authorized) |
    /// | partial responses (§3.3, §3.4) | not stored | [`store_partial`](Self::store_partial) |
    /// | groups of responses (RFC 9875) | honored | [`no_cache_groups`](Self::no_cache_groups) |
    /// | tags in `Surrogate-Key` or `Cache-Tag` | ignored | [`tags_from`](Self::tags_from) |
    /// | equivalent queries (`No-Vary-Search`) | separate responses | [`no_vary_search`](Self::no_vary_search) |
    /// | languages in another order (§4.1) | separate variants | [`sort_languages`](Self::sort_languages) |
    /// | stale responses if the origin fails (§4.2.4) | served if they permit it (`stale-if-error`) | [`stale_if_error`](Self::stale_if_error) |
    /// | the URIs that an unsafe request invalidates (§4.4) | its own, and those of the same origin in `Location` and `Content-Location` | [`no_invalidate_locations`](Self::no_invalidate_locations), [`safe_method`](Self::safe_method) |
    ///
    /// [`jitter`](Self::jitter), [`early_refresh`](Self::early_refresh) and generated entity tags
    /// are off. All other methods of a policy, such as [`tag`](Self::tag) and [`key`](Self::key),
    /// work as usual.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::{Cache, Policy};
    ///
    /// let policy = Policy::rfc9111().stale_if_error(Duration::from_secs(3600));
    /// let layer = Cache::default().layer(policy);
    /// ```
    #[must_use]
    pub fn rfc9111() -> Self {
        let store = StoreRules {
            lifetime: Lifetime::default(),
            statuses: StatusRules::every_final(),
            require_explicit: true,
            heuristic: Some(Heuristic::up_to(MAX_HEURISTIC)),
            ..StoreRules::default()
        };
        let policy = Self {
            jitter: Jitter::OFF,
            early_refresh: EarlyRefresh::OFF,
            generated_etag: GeneratedEtag::None,
            ..Self::with_rules(store)
        };
        let mut policy = policy.ignore_cookies().invalidate_locations().cache_groups();
        policy.invalidation_rules.head = true;
        policy.invalidation_rules.failed_writes = false;
        policy.class("rfc9111")
    }

    /// Sets the maximum heuristic lifetime of responses that state no lifetime (RFC 9111 §4.2.2).
    ///
    /// The heuristic lifetime is a tenth of the time since `Last-Modified`. It applies to the
    /// status codes for which the RFC allows it, and to responses that say `public`. With
    /// [`ttl`](Self::ttl), it takes precedence over the lifetime of the policy.
    ///
    /// Default: off with [`ttl`](Self::ttl), 1 day with [`rfc9111`](Self::rfc9111). Minimum: 1 ms.
    /// Maximum: 1 year.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().heuristic_freshness(Duration::from_secs(3600));
    /// ```
    #[must_use]
    pub fn heuristic_freshness(mut self, limit: Duration) -> Self {
        self.store.heuristic = Some(Heuristic::up_to(self.validated_lifetime("heuristic lifetime", limit)));
        self
    }

    /// Turns heuristic lifetimes off.
    ///
    /// With [`rfc9111`](Self::rfc9111), a response that states no lifetime is then validated before
    /// each use, or not stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().no_heuristic_freshness();
    /// ```
    #[must_use]
    pub const fn no_heuristic_freshness(mut self) -> Self {
        self.store.heuristic = None;
        self
    }

    /// Allows storing responses with `Set-Cookie`, including that field.
    ///
    /// All clients then get the same cookie. Use this only if the origin sends `private` with every
    /// response whose cookie must not be shared (RFC 9111 §7.3).
    ///
    /// Default: off.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().store_set_cookie();
    /// ```
    #[must_use]
    pub const fn store_set_cookie(mut self) -> Self {
        self.store.store_set_cookie = true;
        self
    }

    /// Adds a response field to the target list of this cache (RFC 9213).
    ///
    /// If a response has a valid field from this list, the cache follows that field and ignores
    /// `Cache-Control` and `Expires`. If a response has several of them, the cache follows the one
    /// that was added to the list first. Clients get these fields with the response.
    ///
    /// `CDN-Cache-Control` is for all caches between an origin and its users. A field of your own,
    /// such as `Larder-Cache-Control`, is for this cache alone.
    ///
    /// Default: none.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::Policy;
    ///
    /// let field = HeaderName::from_static("cdn-cache-control");
    /// let policy = Policy::rfc9111().targeted_cache_control(field);
    /// ```
    #[must_use]
    pub fn targeted_cache_control(mut self, name: HeaderName) -> Self {
        self.store.targeted_fields.push(name);
        self
    }
}
