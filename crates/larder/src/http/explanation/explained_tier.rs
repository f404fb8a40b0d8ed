//! The content of a tier, for an explained request.

use std::time::Duration;

use serde::Serialize;

use crate::engine::serialize_time::{optional_seconds, seconds};

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
    /// Whether the request selects this entry: its fields match those of `varies_on`.
    pub is_selected: bool,
    /// The status of the response. `None` for a hit-for-miss record, which has no response.
    pub status: Option<u16>,
    /// The age of the response. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub age: Duration,
    /// How long the entry will still be fresh, or a hit-for-miss record will hold. In JSON, in
    /// seconds.
    #[serde(serialize_with = "seconds")]
    pub remaining: Duration,
    /// The freshness lifetime of the response. In JSON, in seconds.
    #[serde(serialize_with = "seconds")]
    pub lifetime: Duration,
    /// The size of the body, in bytes.
    pub body_bytes: usize,
    /// The approximate size of the entry, in bytes.
    pub bytes: u64,
    /// The tags of the response, with those of the handler.
    pub tags: Vec<String>,
    /// The request fields on which the response varies, with the values of its own request.
    pub varies_on: Vec<VaryField>,
    /// The position in the invalidation log before the fill of the response.
    pub position: String,
    /// How the response may be used now: `fresh`, `stale: expired`, `refused: invalidated`, …
    pub verdict: String,
    /// The invalidations that refuse the response, or make it stale. The soft ones come last.
    pub invalidated_by: Vec<InvalidatedBy>,
}

/// A request field on which a response varies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VaryField {
    /// The name of the field.
    pub name: String,
    /// The value that selects the response. `None` if the field is absent.
    pub value: Option<String>,
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
    #[serde(serialize_with = "optional_seconds")]
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
    #[serde(serialize_with = "optional_seconds")]
    pub confirmation_age: Option<Duration>,
    /// The number of invalidations that are not in the log yet.
    pub deferred: usize,
}
