//! The cache directives of a request (RFC 9111 §5.2.1).

use std::time::Duration;

use http::HeaderMap;
use http::header::{CACHE_CONTROL, PRAGMA};

use super::directive::{Directive, MAX_NAME_LEN};
use super::directives;
use crate::http::list::members;

/// The staleness that a request accepts (RFC 9111 §5.2.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)] // The RFC defines only these two.
pub enum MaxStale {
    /// Any staleness.
    Any,
    /// At most this long past the freshness lifetime.
    Within(Duration),
}

impl MaxStale {
    /// Whether a response that expired `staleness` ago is accepted.
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

/// The directives in the `Cache-Control` field of a request (RFC 9111 §5.2.1).
///
/// All of them are advisory. A malformed value is ignored. If a directive has several values, the
/// strictest one applies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(clippy::struct_excessive_bools)] // Each `bool` is a directive.
pub struct RequestDirectives {
    /// No part of the request or of its response may be stored.
    pub no_store: bool,
    /// A stored response is used only after validation.
    pub no_cache: bool,
    /// The client accepts only a stored response.
    pub only_if_cached: bool,
    /// The maximum age of a response that the client accepts.
    pub max_age: Option<Duration>,
    /// The minimum time for which a response has to stay fresh.
    pub min_fresh: Option<Duration>,
    /// The staleness that the client accepts.
    pub max_stale: Option<MaxStale>,
}

impl RequestDirectives {
    /// Parses the `Cache-Control` field of a request, or `Pragma` if there is no `Cache-Control`.
    ///
    /// Any bytes are accepted. RFC 9111 §5.4 deprecates `Pragma`. But a client that sends only
    /// `Pragma: no-cache` means the directive `no-cache`, as RFC 7234 §5.4 specified.
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

    /// Returns the directives that apply to a fresh `immutable` response: all except `max-age`.
    ///
    /// RFC 8246 §2.1: "Proxies SHOULD skip conditionally revalidating fresh responses containing
    /// the immutable extension unless there is a signal from the client that a validation is
    /// necessary (e.g., a no-cache Cache-Control request directive". `max-age` is not such a
    /// signal, because a browser sends it with every reload.
    #[must_use]
    pub fn without_max_age(self) -> Self {
        Self { max_age: None, ..self }
    }

    fn take(&mut self, directive: Directive<'_>) {
        match directive.name(&mut [0; MAX_NAME_LEN]) {
            b"no-store" => self.no_store = true,
            b"no-cache" => self.no_cache = true,
            b"only-if-cached" => self.only_if_cached = true,
            b"max-age" => keep(&mut self.max_age, directive.seconds(), Duration::min),
            b"min-fresh" => keep(&mut self.min_fresh, directive.seconds(), Duration::max),
            // "If no value is assigned to max-stale, then the client will accept a stale response
            // of any age."
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
