//! What a response says (RFC 9111 §5.2.2).

use std::time::Duration;

use http::{HeaderMap, HeaderName};

use super::directive::{Directive, LONGEST};
use super::{directives, targeted};

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

    /// The fields that it is about, if it is not about the whole response.
    #[must_use]
    pub fn fields(&self) -> &[HeaderName] {
        match self {
            Self::Fields(fields) => fields,
            Self::Absent | Self::Whole => &[],
        }
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
    /// All this was said to this cache in a field of its own, so that `Expires` says nothing to it (RFC 9213 §2.2).
    pub targeted: bool,
}

impl ResponseDirectives {
    /// Reads what a response says to a cache that these fields are for, in this order; in want of them, its
    /// `Cache-Control` (RFC 9213).
    #[must_use]
    pub fn of(headers: &HeaderMap, targets: &[HeaderName]) -> Self {
        targeted::read(headers, targets).unwrap_or_else(|| Self::parse(headers))
    }

    /// Reads the `Cache-Control` of a response, whatever its bytes are.
    #[must_use]
    pub fn parse(headers: &HeaderMap) -> Self {
        let mut parsed = Self::default();
        for directive in directives(headers) {
            parsed.take(directive);
        }
        parsed
    }

    /// The fields that must not be stored, while the rest of the response may be.
    ///
    /// RFC 9111 §3.1: "The no-cache (Section 5.2.2.4) and private (Section 5.2.2.7) cache directives can have arguments that
    /// prevent storage of header fields by all caches and shared caches, respectively."
    pub fn unstorable(&self) -> impl Iterator<Item = &HeaderName> {
        self.no_cache.fields().iter().chain(self.private.fields())
    }

    pub(super) fn take(&mut self, directive: Directive<'_>) {
        match directive.name(&mut [0; LONGEST]) {
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
