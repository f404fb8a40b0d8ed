//! Whether a stored response may be served now (RFC 9111 §4).

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::cache_control::RequestDirectives;
use super::freshness::Lifetime;
use crate::log::table::Verdict;
use crate::outcome::MissReason;
use crate::stored::Flags;

/// A stored response, as far as serving it is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Whoever decides has to know all of it.
pub struct Candidate {
    /// Its current age.
    pub age: Duration,
    /// How long it is of use.
    pub lifetime: Lifetime,
    /// What it says about its use.
    pub flags: Flags,
    /// What the invalidation log says of it.
    pub verdict: Verdict,
    /// Whether the log was confirmed lately enough to believe it (rule 10 of the log).
    pub confirmed: bool,
}

/// What may be done with a stored response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)] // Whoever serves has to treat each.
pub enum Reuse {
    /// It may be served.
    Fresh {
        /// For how long it will be fresh.
        left: Duration,
    },
    /// It may be validated, and within its windows served.
    Stale {
        /// Why it is not served like a fresh one.
        reason: MissReason,
        /// Whether it may be served while it is being refreshed (RFC 5861 §3).
        while_revalidate: bool,
        /// Whether it may be served if the handler fails (RFC 5861 §4).
        if_error: bool,
    },
    /// It must not be used for anything, not even for validation.
    Refused(MissReason),
}

impl Reuse {
    const fn only_validated(reason: MissReason) -> Self {
        Self::Stale { reason, while_revalidate: false, if_error: false }
    }
}

/// Decides what may be done with a stored response; `None` for the request if the policy does not let requests decide.
#[inline]
#[must_use]
pub fn reuse(candidate: &Candidate, request: Option<&RequestDirectives>) -> Reuse {
    if candidate.verdict == Verdict::Refused {
        return Reuse::Refused(MissReason::Invalidated);
    }
    if !candidate.confirmed {
        return Reuse::Refused(MissReason::Unconfirmed);
    }
    // §5.2.2.4: it "MUST NOT be used to satisfy any other request without forwarding it for validation".
    if candidate.flags.no_cache {
        return Reuse::only_validated(MissReason::NoCache);
    }
    let unasked = by_lifetime(candidate);
    request.map_or(unasked, |request| by_request(candidate, request, unasked))
}

/// What its lifetime and soft invalidations allow.
#[inline]
fn by_lifetime(candidate: &Candidate) -> Reuse {
    let Some((staleness, reason)) = staleness(candidate) else {
        return Reuse::Fresh { left: candidate.lifetime.fresh.saturating_sub(candidate.age) };
    };
    Reuse::Stale {
        reason,
        while_revalidate: staleness < candidate.lifetime.while_revalidate,
        if_error: staleness < candidate.lifetime.if_error,
    }
}

/// For how long it has been stale, and why; `None` while it is fresh.
///
/// §4.2: "response_is_fresh = (freshness_lifetime > current_age)", so that it is stale at the very end of its lifetime.
/// What was invalidated softly counts as stale from that moment.
#[inline]
fn staleness(candidate: &Candidate) -> Option<(Duration, MissReason)> {
    let expired = candidate.age.checked_sub(candidate.lifetime.fresh);
    match (candidate.verdict, expired) {
        (Verdict::Soft(since), expired) => {
            Some((since.max(expired.unwrap_or_default()), MissReason::Invalidated))
        }
        (Verdict::Valid | Verdict::Refused, expired) => expired.map(|since| (since, MissReason::Expired)),
    }
}

/// What of that the request wants (§5.2.1).
fn by_request(candidate: &Candidate, request: &RequestDirectives, unasked: Reuse) -> Reuse {
    match unasked {
        Reuse::Fresh { .. } if unwanted(candidate, request) => Reuse::only_validated(MissReason::Request),
        Reuse::Stale { reason, .. } if unwanted(candidate, request) || wants_fresh(request) => {
            Reuse::only_validated(reason)
        }
        Reuse::Stale { reason, if_error, .. } if accepts_stale(candidate, request) => {
            Reuse::Stale { reason, while_revalidate: true, if_error }
        }
        as_it_is => as_it_is,
    }
}

/// Whether the request does not want the response although it may be fresh.
fn unwanted(candidate: &Candidate, request: &RequestDirectives) -> bool {
    // §5.2.1.1: "prefers a response whose age is less than or equal to the specified number of seconds".
    let too_old = request.max_age.is_some_and(|most| candidate.age > most);
    // §5.2.1.3: "whose freshness lifetime is no less than its current age plus the specified time in seconds".
    let too_near_its_end =
        request.min_fresh.is_some_and(|least| candidate.lifetime.fresh < candidate.age.saturating_add(least));
    request.no_cache || too_old || too_near_its_end
}

/// §5.2.1.1: "Unless the max-stale request directive is also present, the client does not wish to receive a stale
/// response."
fn wants_fresh(request: &RequestDirectives) -> bool {
    request.max_age.is_some() && request.max_stale.is_none()
}

/// Whether the request takes the response although it is stale (§5.2.1.2), and it may be used stale at all (§4.2.4).
///
/// It is served like one within its `stale-while-revalidate` window. What was invalidated is not merely old: the client
/// cannot have meant that.
fn accepts_stale(candidate: &Candidate, request: &RequestDirectives) -> bool {
    let staleness = candidate.age.saturating_sub(candidate.lifetime.fresh);
    candidate.verdict == Verdict::Valid
        && !candidate.flags.must_revalidate
        && request.max_stale.is_some_and(|most| most.accepts(staleness))
}
