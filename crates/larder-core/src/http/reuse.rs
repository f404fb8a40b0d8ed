//! The rules for reusing a stored response (RFC 9111 §4).

#[cfg(test)]
mod tests;

use std::time::Duration;

use super::cache_control::RequestDirectives;
use super::response_flags::ResponseFlags;
use crate::invalidation::table::Verdict;
use crate::lifetime::Lifetime;
use crate::lifetime::permitted_use::{by_lifetime, refusal};
use crate::outcome::MissReason;

pub use crate::lifetime::permitted_use::Reuse;

/// The properties of a stored response that decide whether it may be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A decision needs all of them.
pub struct Candidate {
    /// The current age.
    pub age: Duration,
    /// The freshness lifetime and the windows after it.
    pub lifetime: Lifetime,
    /// The restrictions on its use that the response states.
    pub flags: ResponseFlags,
    /// The verdict of the invalidation log.
    pub verdict: Verdict,
    /// Whether the log was confirmed recently enough to be trusted (rule 10 of the log).
    pub confirmed: bool,
}

/// Decides how a stored response may be used.
///
/// `request` is `None` if the policy does not let requests decide.
#[inline]
#[must_use]
pub fn reuse(candidate: &Candidate, request: Option<&RequestDirectives>) -> Reuse {
    if let Some(reason) = refusal(candidate.verdict, candidate.confirmed) {
        return Reuse::Refused(reason);
    }
    // §5.2.2.4: the response "MUST NOT be used to satisfy any other request without forwarding it
    // for validation".
    if candidate.flags.no_cache {
        return only_validated(MissReason::NoCache);
    }
    let unasked = by_lifetime(candidate.age, candidate.lifetime, candidate.verdict);
    request.map_or(unasked, |request| by_request(candidate, request, unasked))
}

/// Returns the use of a response that may only be validated.
const fn only_validated(reason: MissReason) -> Reuse {
    Reuse::Stale { reason, while_revalidate: false, if_error: false }
}

/// Applies the directives of the request to the permitted use (§5.2.1).
fn by_request(candidate: &Candidate, request: &RequestDirectives, unasked: Reuse) -> Reuse {
    match unasked {
        Reuse::Fresh { .. } if unwanted(candidate, request) => only_validated(MissReason::Request),
        Reuse::Stale { reason, .. } if unwanted(candidate, request) || wants_fresh(request) => {
            only_validated(reason)
        }
        Reuse::Stale { reason, if_error, .. } if accepts_stale(candidate, request) => {
            Reuse::Stale { reason, while_revalidate: true, if_error }
        }
        as_it_is => as_it_is,
    }
}

/// Whether the request does not want the response, even if it is fresh.
fn unwanted(candidate: &Candidate, request: &RequestDirectives) -> bool {
    // §5.2.1.1: "prefers a response whose age is less than or equal to the specified number of
    // seconds".
    let too_old = request.max_age.is_some_and(|most| candidate.age > most);
    // §5.2.1.3: "whose freshness lifetime is no less than its current age plus the specified time
    // in seconds".
    let too_near_its_end =
        request.min_fresh.is_some_and(|least| candidate.lifetime.fresh < candidate.age.saturating_add(least));
    request.no_cache || too_old || too_near_its_end
}

/// Whether the request only wants a fresh response.
///
/// RFC 9111 §5.2.1.1: "Unless the max-stale request directive is also present, the client does not
/// wish to receive a stale response."
fn wants_fresh(request: &RequestDirectives) -> bool {
    request.max_age.is_some() && request.max_stale.is_none()
}

/// Whether the request accepts the response although it is stale (§5.2.1.2).
///
/// The response must also be allowed to be used stale (§4.2.4). It is then served as if it were
/// within its `stale-while-revalidate` window. An invalidated response is never accepted: it is not
/// merely old, so the client cannot have meant it.
fn accepts_stale(candidate: &Candidate, request: &RequestDirectives) -> bool {
    let staleness = candidate.age.saturating_sub(candidate.lifetime.fresh);
    candidate.verdict == Verdict::Valid
        && !candidate.flags.must_revalidate
        && request.max_stale.is_some_and(|most| most.accepts(staleness))
}
