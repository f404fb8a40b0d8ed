//! The `Cache-Control` field (RFC 9111 §5.2).

mod directive;
#[cfg(test)]
mod tests;

use std::time::Duration;

use http::header::{CACHE_CONTROL, PRAGMA};
use http::{HeaderMap, HeaderName};

use super::list::members;
use directive::Directive;
pub(super) use directive::delta_seconds;

/// A directive that can be about the whole response or about some of its fields: `no-cache`, `private`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_enums)] // The RFC knows these three.
pub enum Qualified {
    /// It is not there.
    #[default]
    Absent,
    /// It is about the whole response.
    Whole,
    /// It is about these fields only.
    Fields(Box<[HeaderName]>),
}

impl Qualified {
    /// Whether it is there, in whatever form.
    #[must_use]
    pub fn is_present(&self) -> bool {
        *self != Self::Absent
    }

    /// Takes in one more occurrence; the wider one holds.
    fn widen(&mut self, other: Self) {
        *self = match (std::mem::take(self), other) {
            (Self::Absent, one) | (one, Self::Absent) => one,
            (Self::Fields(some), Self::Fields(more)) => Self::Fields(some.into_iter().chain(more).collect()),
            (Self::Whole, _) | (_, Self::Whole) => Self::Whole,
        };
    }
}

/// What the `Cache-Control` of a response says (RFC 9111 §5.2.2, RFC 5861, RFC 8246).
///
/// A lifetime or window that is malformed, or given twice with different values, is zero (RFC 9111 §4.2.1); one of more
/// than 2³¹ seconds is 2³¹ seconds (§1.2.2). An argument where none is defined does not weaken a directive that
/// restricts; one that permits is ignored with it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // Each is a directive.
pub struct ResponseDirectives {
    /// It must not be stored.
    pub no_store: bool,
    /// It must not be used without validation.
    pub no_cache: Qualified,
    /// It must not be stored by a shared cache.
    pub private: Qualified,
    /// It may be stored even where that would otherwise be forbidden.
    pub public: bool,
    /// It must not be used stale.
    pub must_revalidate: bool,
    /// It must not be used stale by a shared cache.
    pub proxy_revalidate: bool,
    /// It may be stored only by a cache that understands its status; such a cache ignores `no-store`.
    pub must_understand: bool,
    /// It will not change while it is fresh.
    pub immutable: bool,
    /// Its freshness lifetime.
    pub max_age: Option<Duration>,
    /// Its freshness lifetime in a shared cache.
    pub s_maxage: Option<Duration>,
    /// How long after its lifetime it may be served while it is being refreshed (RFC 5861 §3).
    pub stale_while_revalidate: Option<Duration>,
    /// How long after its lifetime it may be served when the origin fails (RFC 5861 §4).
    pub stale_if_error: Option<Duration>,
}

impl ResponseDirectives {
    /// Reads the `Cache-Control` of a response, whatever its bytes are.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut parsed = Self::default();
        for directive in directives(headers) {
            parsed.take(directive);
        }
        parsed
    }

    fn take(&mut self, directive: Directive<'_>) {
        match directive.name(&mut [0; directive::LONGEST]) {
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

/// RFC 9111 §4.2.1: "When there is more than one value present for a given directive […], either the first occurrence
/// should be used or the response should be considered stale", and "Caches are encouraged to consider responses that have
/// invalid freshness information […] to be stale."
fn state(known: &mut Option<Duration>, directive: Directive<'_>) {
    let stated = directive.seconds().unwrap_or_default();
    let conflict = known.is_some_and(|known| known != stated);
    *known = Some(if conflict { Duration::ZERO } else { stated });
}

/// How stale a response a request accepts (RFC 9111 §5.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // The RFC knows these two.
pub enum MaxStale {
    /// However stale.
    Any,
    /// At most so long past its lifetime.
    Within(Duration),
}

impl MaxStale {
    /// Whether a response this long past its lifetime is accepted.
    #[must_use]
    pub fn accepts(self, staleness: Duration) -> bool {
        match self {
            Self::Any => true,
            Self::Within(limit) => staleness <= limit,
        }
    }

    fn stricter(self, other: Self) -> Self {
        match (self, other) {
            (Self::Within(one), Self::Within(other)) => Self::Within(one.min(other)),
            (Self::Any, one) | (one, Self::Any) => one,
        }
    }
}

/// What the `Cache-Control` of a request says (RFC 9111 §5.2.1).
///
/// All of it is advice. A value that is malformed says nothing; of several values the strictest holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // Each is a directive.
pub struct RequestDirectives {
    /// Nothing of this request or of the response to it may be stored.
    pub no_store: bool,
    /// What is stored is only good after validation.
    pub no_cache: bool,
    /// Only what is stored is wanted.
    pub only_if_cached: bool,
    /// A response older than this is not wanted.
    pub max_age: Option<Duration>,
    /// A response that is not fresh for at least this long is not wanted.
    pub min_fresh: Option<Duration>,
    /// A stale response is accepted.
    pub max_stale: Option<MaxStale>,
}

impl RequestDirectives {
    /// Reads the `Cache-Control` of a request, whatever its bytes are; where there is none, its `Pragma`.
    ///
    /// RFC 9111 §5.4 deprecates `Pragma`, but clients that send it alone mean `no-cache` by it, as RFC 7234 §5.4 said.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut parsed = Self::default();
        if headers.contains_key(CACHE_CONTROL) {
            for directive in directives(headers) {
                parsed.take(directive);
            }
        } else {
            parsed.no_cache = headers
                .get_all(PRAGMA)
                .iter()
                .flat_map(|line| members(line.as_bytes()))
                .any(|member| member.eq_ignore_ascii_case(b"no-cache"));
        }
        parsed
    }

    fn take(&mut self, directive: Directive<'_>) {
        match directive.name(&mut [0; directive::LONGEST]) {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => keep(&mut self.max_age, directive.seconds(), Duration::min),
            b"min-fresh" => keep(&mut self.min_fresh, directive.seconds(), Duration::max),
            // "If no value is assigned to max-stale, then the client will accept a stale response of any age."
            b"max-stale" if directive.is_bare() => {
                keep(&mut self.max_stale, Some(MaxStale::Any), MaxStale::stricter);
            }
            b"max-stale" => {
                let limit = directive.seconds().map(MaxStale::Within);
                keep(&mut self.max_stale, limit, MaxStale::stricter);
            }
            _ => {}
        }
    }
}

fn keep<T: Copy>(known: &mut Option<T>, stated: Option<T>, stricter: impl Fn(T, T) -> T) {
    if let Some(stated) = stated {
        *known = Some(known.map_or(stated, |known| stricter(known, stated)));
    }
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = Directive<'_>> {
    headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|line| members(line.as_bytes()))
        .map(Directive::read)
}
