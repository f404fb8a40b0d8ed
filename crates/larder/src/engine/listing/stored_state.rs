//! Whether a stored entry may be served.

use larder_core::lifetime::permitted_use::Reuse;
use larder_core::outcome::MissReason;
use serde::Serialize;

/// Whether a stored response or value may be served at this moment, and if not, why.
///
/// The policy of a route and the fields of a request can be stricter. With serde, it is its
/// [word](Self::as_str).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum StoredState {
    /// It is served.
    Fresh,
    /// Its lifetime has ended, or it always has to be validated.
    ///
    /// It is served only within `stale-while-revalidate` and `stale-if-error`.
    Stale,
    /// A soft invalidation made it stale.
    SoftlyInvalidated,
    /// A hard invalidation refuses it, or a restart of the log. It is never served again.
    Invalidated,
    /// This instance does not know at this moment whether it was invalidated.
    ///
    /// The log of the shared store was not read to its end recently enough.
    Unconfirmed,
}

impl StoredState {
    /// Returns the state of an entry whose use is permitted like this.
    pub(crate) const fn of(permitted: Reuse) -> Self {
        match permitted {
            Reuse::Fresh { .. } => Self::Fresh,
            Reuse::Stale { reason: MissReason::Invalidated, .. } => Self::SoftlyInvalidated,
            Reuse::Stale { .. } => Self::Stale,
            Reuse::Refused(MissReason::Unconfirmed) => Self::Unconfirmed,
            Reuse::Refused(_) => Self::Invalidated,
        }
    }

    /// Returns the state of the same entry in a store that may not be trusted.
    pub(crate) const fn untrusted(self) -> Self {
        match self {
            Self::Invalidated => Self::Invalidated,
            _ => Self::Unconfirmed,
        }
    }

    /// Returns the word for the state: `fresh`, `stale`, `softly-invalidated`, `invalidated` or
    /// `unconfirmed`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::SoftlyInvalidated => "softly-invalidated",
            Self::Invalidated => "invalidated",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use larder_core::invalidation::table::Verdict;
    use larder_core::lifetime::Lifetime;
    use larder_core::value::candidate::ValueCandidate;

    use super::*;

    #[test]
    fn the_state_follows_from_the_verdict_and_the_lifetime() {
        let soft = Verdict::Soft(Duration::ZERO);
        let cases = [
            (Verdict::Valid, true, 0, "fresh", "unconfirmed"),
            (Verdict::Valid, true, 60, "stale", "unconfirmed"),
            (soft, true, 0, "softly-invalidated", "unconfirmed"),
            (Verdict::Refused, true, 0, "invalidated", "invalidated"),
            (Verdict::Refused, false, 0, "invalidated", "invalidated"),
            (Verdict::Valid, false, 0, "unconfirmed", "unconfirmed"),
        ];
        for (verdict, confirmed, age, expected, in_untrusted_store) in cases {
            let lifetime = Lifetime { fresh: Duration::from_secs(60), ..Lifetime::default() };
            let candidate = ValueCandidate { age: Duration::from_secs(age), lifetime, verdict, confirmed };
            let state = StoredState::of(candidate.permitted_use());
            assert_eq!(state.as_str(), expected, "{candidate:?}");
            assert_eq!(serde_json::to_value(state).unwrap(), expected, "{candidate:?}");
            assert_eq!(state.untrusted().as_str(), in_untrusted_store, "{candidate:?}");
        }
    }
}
