//! The stored response.
//!
//! * [`wire`]: how it is written for the shared tier, and read back;
//! * [`address`]: where it is stored there;
//! * [`lowered_lifetime`]: the lifetime after a change of the policy.

pub mod address;
pub mod lowered_lifetime;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::http::freshness::Lifetime;
use crate::http::no_vary_search::UrlVariation;
use crate::http::range::ContentRange;
use crate::http::response_flags::ResponseFlags;
use crate::http::vary::SelectingFields;
use crate::invalidation::names::Names;
use crate::invalidation::position::Position;
use crate::time::WallTime;

/// A stored response, with everything that is needed to use it again.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)] // The wire form must carry every field.
pub struct StoredResponse {
    /// The status.
    pub status: StatusCode,
    /// The header fields, without those that RFC 9111 §3.1 says not to store.
    pub headers: HeaderMap,
    /// The whole body, or the part of it that [`Meta::part`] names.
    pub body: Bytes,
    /// The information that is needed to use the response again.
    pub meta: Meta,
}

/// The information that is needed to use a stored response again.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)]
pub struct Meta {
    /// The encoded cache key under which the response was stored.
    ///
    /// If a store answers with the response of another key, that response is not believed.
    pub key: Arc<str>,
    /// The request's values of the fields that `Vary` names (RFC 9111 §4.1).
    pub selecting: SelectingFields,
    /// The names by which the response can be invalidated.
    pub names: Names,
    /// The position in the invalidation log before the fill began.
    ///
    /// The local number is not sent to the shared tier.
    pub position: Position,
    /// The moment at which the response arrived (`response_time` in RFC 9111 §4.2.3).
    pub response_time: WallTime,
    /// The age of the response at that moment (`corrected_initial_age`).
    pub initial_age: Duration,
    /// How long the response is fresh, and how long it may be used stale.
    pub lifetime: Lifetime,
    /// How long the handler took to make the response.
    pub cost: Duration,
    /// The conditions of its use that the response states.
    pub flags: ResponseFlags,
    /// The part of the body that is stored. `None` if all of it is.
    ///
    /// RFC 9111 §3.3: an incomplete response may be stored "provided that the stored response is
    /// recorded as being incomplete".
    pub part: Option<ContentRange>,
}

/// A variation hint: what the newest response of a URI said about the queries that it answers.
///
/// The newest response counts, whatever its query was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The wire form must carry every field.
pub struct VariationHint {
    /// The URL variation that the response stated.
    pub variation: UrlVariation,
    /// The moment at which the response arrived.
    pub at: WallTime,
    /// How long the hint is of use from then on.
    pub life: Duration,
}
