//! The cache directives of a response (RFC 9111 §5.2.2).

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::directive::{Directive, MAX_NAME_LEN};
use super::directives;
use super::qualified::Qualified;

/// The cache directives of a response (RFC 9111 §5.2.2, RFC 5861, RFC 8246).
///
/// A lifetime or window that is malformed, or given twice with different values, is zero (RFC 9111
/// §4.2.1). A value over 2³¹ seconds counts as 2³¹ seconds (§1.2.2).
///
/// Some directives take no argument. If such a directive has one anyway, a restriction still
/// applies, and a permission is ignored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // Each is a directive.
pub struct ResponseDirectives {
    /// The response must not be stored.
    pub no_store: bool,
    /// The response must not be used without validation.
    pub no_cache: Qualified,
    /// The response must not be stored by a shared cache.
    pub private: Qualified,
    /// The response may be stored even where that would otherwise be forbidden.
    pub public: bool,
    /// The response must not be used stale.
    pub must_revalidate: bool,
    /// The response must not be used stale by a shared cache.
    pub proxy_revalidate: bool,
    /// Only a cache that understands the status may store the response.
    ///
    /// Such a cache ignores `no-store`.
    pub must_understand: bool,
    /// The response does not change while it is fresh.
    pub immutable: bool,
    /// The freshness lifetime.
    pub max_age: Option<Duration>,
    /// The freshness lifetime in a shared cache.
    pub s_maxage: Option<Duration>,
    /// The time after expiry in which the response may be served during a refresh (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// The time after expiry in which the response may be served if the origin fails (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
    /// The directives come from a targeted field, so this cache ignores `Expires` (RFC 9213 §2.2).
    pub targeted: bool,
    /// `max-age` and `Expires` are for caches downstream, and this cache ignores them.
    pub max_age_downstream: bool,
}

impl ResponseDirectives {
    /// Parses the `Cache-Control` field of a response. Any bytes are accepted.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut parsed = Self::default();
        for directive in directives(headers) {
            parsed.take(directive);
        }
        parsed
    }

    /// Returns the directives without the lifetime that is for caches downstream.
    ///
    /// `s-maxage` is for all shared caches, and a targeted field is for this cache. Both still
    /// count.
    pub(in crate::http) fn without_downstream_lifetime(self) -> Self {
        if self.targeted { self } else { Self { max_age: None, max_age_downstream: true, ..self } }
    }

    /// Whether `Expires` counts for this cache, if there is no lifetime in a directive.
    pub(in crate::http) fn uses_expires(&self) -> bool {
        !self.targeted && !self.max_age_downstream
    }

    /// Returns the fields that must not be stored, even if the rest of the response is.
    ///
    /// RFC 9111 §3.1: "The no-cache (Section 5.2.2.4) and private (Section 5.2.2.7) cache
    /// directives can have arguments that prevent storage of header fields by all caches and shared
    /// caches, respectively."
    pub fn unstorable(&self) -> impl Iterator<Item = &HeaderName> {
        self.no_cache.fields().iter().chain(self.private.fields())
    }

    pub(super) fn take(&mut self, directive: Directive<'_>) {
        match directive.name(&mut [0; MAX_NAME_LEN]) {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache.widen(directive.fields()),
            b"private" => self.private.widen(directive.fields()),
            b"public" => self.public |= directive.is_bare(),
            b"must-revalidate" => self.must_revalidate = true,
            b"proxy-revalidate" => self.proxy_revalidate = true,
            b"must-understand" => self.must_understand |= directive.is_bare(),
            b"immutable" => self.immutable |= directive.is_bare(),
            b"max-age" => state(&mut self.max_age, directive),
            b"s-maxage" => state(&mut self.s_maxage, directive),
            b"stale-while-revalidate" => state(&mut self.stale_while_revalidate, directive),
            b"stale-if-error" => state(&mut self.stale_if_error, directive),
            _ => {} // §5.2.3: "A cache MUST ignore unrecognized cache directives."
        }
    }
}

/// Sets a lifetime or window. An invalid value, or a second one that differs, makes it zero.
///
/// RFC 9111 §4.2.1: "When there is more than one value present for a given directive […], either
/// the first occurrence should be used or the response should be considered stale", and "Caches are
/// encouraged to consider responses that have invalid freshness information […] to be stale."
fn state(known: &mut Option<Duration>, directive: Directive<'_>) {
    let stated = directive.seconds().unwrap_or_default();
    let conflict = known.is_some_and(|known| known != stated);
    *known = Some(if conflict { Duration::ZERO } else { stated });
}
