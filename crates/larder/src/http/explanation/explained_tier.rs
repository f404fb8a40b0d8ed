//! The content of a tier, for an explained request.

use std::time::Duration;

use serde::Serialize;

use crate::engine::serialize::optional_seconds;
use crate::http::memory::stored_info::StoredInfo;

/// The content of a tier under the key of a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedTier {
    /// The state of the tier.
    ///
    /// This is `holds responses`, `nothing is stored`, `off`, or the reason why the tier cannot be
    /// read, such as `store-error`.
    pub state: String,
    /// The entries. In memory, these are all variants, up to 64. The shared tier can only be asked
    /// for the variant that the request selects.
    pub entries: Vec<StoredEntry>,
}

/// A stored response, or a note that responses cannot be stored.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StoredEntry {
    /// The key of the entry. Credentials are left out, as in [`ExplainedKey`].
    ///
    /// [`ExplainedKey`]: crate::explain::ExplainedKey
    pub key: String,
    /// Whether the request selects this entry: its fields match those of the
    /// [variant](StoredInfo::variant).
    pub is_selected: bool,
    /// The response, as listings describe it. `None` for a hit-for-miss record, which has none.
    ///
    /// Credentials of the request are also left out of its tags and its path.
    pub response: Option<StoredInfo>,
    /// How long a hit-for-miss record will hold. `None` for a response. In JSON, in seconds.
    #[serde(rename = "hit_for_miss_seconds", serialize_with = "optional_seconds")]
    pub hit_for_miss: Option<Duration>,
    /// How the response may be used now: `fresh`, `stale: expired`, `refused: invalidated`, …
    ///
    /// Unlike the state of the response, this considers the policy and the fields of the request.
    pub verdict: String,
    /// The invalidations that refuse the response, or make it stale. The soft ones come last.
    pub invalidated_by: Vec<InvalidatedBy>,
}

/// An invalidation that refuses a stored response, or makes it stale.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct InvalidatedBy {
    /// The name by which it reached the response: `tag product:7`, `prefix /api`, `all`, …
    ///
    /// `forgotten` stands for names that the table had to forget, and `incarnation` for a restart
    /// of the log. A response from another version may have names of which only a digest is known.
    pub name: String,
    /// Whether the invalidation is a [soft](crate::Invalidation::soft) one.
    pub is_soft: bool,
    /// The id of the entry in the log, or `deferred` and a number on this instance.
    pub place: String,
    /// How long ago it was, if that is known. In JSON, in seconds.
    #[serde(rename = "age_seconds", serialize_with = "optional_seconds")]
    pub age: Option<Duration>,
}

/// The invalidation log, as this instance knows it.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ExplainedLog {
    /// The position that a fill would have which begins now.
    pub position: String,
    /// How long ago the log was read to its end. `None` before that, and without a shared store. In
    /// JSON, in seconds.
    #[serde(rename = "confirmation_age_seconds", serialize_with = "optional_seconds")]
    pub confirmation_age: Option<Duration>,
    /// The number of invalidations that are not in the log yet.
    pub deferred: usize,
}
