//! The policy of a cache that is driven by header fields alone.

use std::time::Duration;

use http::HeaderName;
use larder_core::http::early::EarlyRefresh;
use larder_core::http::freshness::Lifetime;
use larder_core::http::heuristic::Heuristic;
use larder_core::http::jitter::Jitter;
use larder_core::http::storable::{StatusRules, StoreRules};

use crate::http::policy::Policy;

/// RFC 9111's predecessor (RFC 7234 §5.5.4) had caches warn of lifetimes that were guessed to be longer than a day.
const MAX_HEURISTIC: Duration = Duration::from_secs(24 * 60 * 60);

impl Policy {
    /// A shared cache by RFC 9111, driven by header fields alone: for a proxy before services that speak HTTP well.
    ///
    /// Where [`ttl`](Self::ttl) has the application own the policy, this one does what `Cache-Control`, `Expires`, `Vary`
    /// and their like say, and nothing else. Responses of every final status are stored if they say that they may be, under
    /// scheme, host, path and query, exactly for as long as they say; nothing is added to them but `Date` where it is
    /// missing, and no cookie of a request matters. What the RFC leaves open has a switch:
    ///
    /// | open | by default | switch |
    /// | --- | --- | --- |
    /// | lifetimes of responses that state none (§4.2.2) | a tenth of the time since `Last-Modified`, at most a day; never guessed of what answers a cookie, unless it is `public` | [`heuristic_freshness`](Self::heuristic_freshness), [`no_heuristic_freshness`](Self::no_heuristic_freshness) |
    /// | directives of requests (§5.2.1) | not obeyed | [`honor_request_directives`](Self::honor_request_directives) |
    /// | directives for this cache alone (RFC 9213) | none | [`target`](Self::targeted_cache_control) |
    /// | responses with `Set-Cookie` (§7.3) | not stored | [`store_set_cookie`](Self::store_set_cookie) |
    /// | responses to `Authorization` (§3.5) | stored if they say that they may be shared | [`share_authorized`](Self::share_authorized) |
    /// | responses with a part (§3.3, §3.4) | not stored | [`store_partial`](Self::store_partial) |
    /// | groups of responses (RFC 9875) | known, and invalidated | [`no_cache_groups`](Self::no_cache_groups) |
    /// | tags in `Surrogate-Key`, `Cache-Tag` | not read | [`tags_from`](Self::tags_from) |
    /// | queries that differ in what means nothing (`No-Vary-Search`) | other responses | [`no_vary_search`](Self::no_vary_search) |
    /// | languages in another order (§4.1) | another variant | [`sort_languages`](Self::sort_languages) |
    /// | stale responses while the origin is away (§4.2.4) | if they say so (`stale-if-error`) | [`stale_if_error`](Self::stale_if_error) |
    /// | what an unsafe request invalidates (§4.4) | its URI, and what `Location` and `Content-Location` name of its origin | [`no_invalidate_locations`](Self::no_invalidate_locations), [`safe_method`](Self::safe_method) |
    ///
    /// [`jitter`](Self::jitter), [`early_refresh`](Self::early_refresh) and entity tags of the cache's own are off. What
    /// else a policy has, tags or a key of one's own, can be added to it.
    ///
    /// ```
    /// use std::time::Duration;
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
            by_headers: true,
            heuristic: Some(Heuristic::up_to(MAX_HEURISTIC)),
            ..StoreRules::default()
        };
        let policy = Self {
            jitter: Jitter::OFF,
            early_refresh: EarlyRefresh::OFF,
            make_etag: false,
            ..Self::with_rules(store)
        };
        let mut policy = policy.ignore_cookies().invalidate_locations().cache_groups();
        policy.invalidation_rules.head = true;
        policy.invalidation_rules.failed_writes = false;
        policy
    }

    /// Guesses the lifetime of a response that does not state its own: a tenth of the time since its `Last-Modified`, and
    /// at most this long (RFC 9111 §4.2.2). At least a second and at most a year.
    ///
    /// It holds for the statuses that the RFC allows it for, and for responses that say `public`.
    /// With [`rfc9111`](Self::rfc9111) it is on, with a day; with [`ttl`](Self::ttl) off, where it goes before the policy's
    /// lifetime.
    #[must_use]
    pub fn heuristic_freshness(mut self, most: Duration) -> Self {
        self.store.heuristic = Some(Heuristic::up_to(self.validated_lifetime("heuristic lifetime", most)));
        self
    }

    /// Guesses no lifetimes: what does not state its own is validated before each use, or not stored.
    #[must_use]
    pub const fn no_heuristic_freshness(mut self) -> Self {
        self.store.heuristic = None;
        self
    }

    /// Stores responses that set cookies, with their `Set-Cookie`. Whoever asks next is given the same cookie: it is for
    /// origins that say `private` where that must not be (RFC 9111 §7.3).
    #[must_use]
    pub const fn store_set_cookie(mut self) -> Self {
        self.store.store_set_cookie = true;
        self
    }

    /// Adds a field to the target list: where a response has it, this cache does what it says and takes no notice of
    /// `Cache-Control` and `Expires` (RFC 9213). Of several, the one that was added first comes first. None by default.
    ///
    /// `CDN-Cache-Control` is the one that caches between an origin and its users share; one of your own,
    /// `Larder-Cache-Control` say, is for this cache alone. It is passed on with the response.
    ///
    /// ```
    /// use axum::http::HeaderName;
    /// use larder::Policy;
    ///
    /// let policy = Policy::rfc9111().targeted_cache_control(HeaderName::from_static("cdn-cache-control"));
    /// ```
    #[must_use]
    pub fn targeted_cache_control(mut self, name: HeaderName) -> Self {
        self.store.targets.push(name);
        self
    }
}
