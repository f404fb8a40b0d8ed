//! The use of a stored response or value that its lifetime and the invalidation log permit.

use std::time::Duration;

use super::Lifetime;
use crate::invalidation::table::Verdict;
use crate::outcome::MissReason;

/// The permitted use of a stored response or value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // A caller has to treat each.
pub enum Reuse {
    /// It may be served.
    Fresh {
        /// The time for which it will still be fresh.
        left: Duration,
    },
    /// It may be validated, and it may be served within its windows.
    Stale {
        /// The reason why it is not served like a fresh one.
        reason: MissReason,
        /// Whether it may be served during a refresh (RFC 5861 §3).
        while_revalidate: bool,
        /// Whether it may be served if the fill fails (RFC 5861 §4).
        if_error: bool,
    },
    /// It must not be used for anything, not even for validation.
    Refused(MissReason),
}

/// Returns the reason why the log permits no use at all. `None` if it permits some use.
///
/// `confirmed` is whether the log was confirmed recently enough to be trusted (rule 10 of the log).
#[inline]
#[must_use]
pub fn refusal(verdict: Verdict, confirmed: bool) -> Option<MissReason> {
    if verdict == Verdict::Refused {
        return Some(MissReason::Invalidated);
    }
    (!confirmed).then_some(MissReason::Unconfirmed)
}

/// Returns the use that the lifetime and soft invalidations permit at this age.
#[inline]
#[must_use]
pub fn by_lifetime(age: Duration, lifetime: Lifetime, verdict: Verdict) -> Reuse {
    let Some((staleness, reason)) = staleness(age, lifetime, verdict) else {
        return Reuse::Fresh { left: lifetime.fresh.saturating_sub(age) };
    };
    Reuse::Stale {
        reason,
        while_revalidate: staleness < lifetime.while_revalidate,
        if_error: staleness < lifetime.if_error,
    }
}

/// Returns for how long it has been stale, and why. `None` while it is fresh.
///
/// RFC 9111 §4.2: "response_is_fresh = (freshness_lifetime > current_age)". So it is stale at the
/// very end of its lifetime. If it was softly invalidated, it counts as stale from that moment, or
/// from its expiry if that was earlier.
#[inline]
fn staleness(age: Duration, lifetime: Lifetime, verdict: Verdict) -> Option<(Duration, MissReason)> {
    let expired = age.checked_sub(lifetime.fresh);
    match (verdict, expired) {
        (Verdict::Soft(since), expired) => {
            Some((since.max(expired.unwrap_or_default()), MissReason::Invalidated))
        }
        (Verdict::Valid | Verdict::Refused, expired) => expired.map(|since| (since, MissReason::Expired)),
    }
}
