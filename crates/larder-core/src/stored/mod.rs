//! The stored response.
//!
//! * [`wire`]: how it is written for the shared tier, and read back;
//! * [`address`]: where it is kept there.

pub mod address;
pub mod wire;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::http::freshness::Lifetime;
use crate::http::no_vary_search::UrlVariation;
use crate::http::range::ContentRange;
use crate::log::names::Names;
use crate::log::position::Position;
use crate::time::Wall;

/// A response as it is kept, with what has to be known about it to use it again.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)] // The wire form has to carry every field.
pub struct StoredResponse {
    /// Its status.
    pub status: StatusCode,
    /// Its header fields, without those that RFC 9111 §3.1 says not to store.
    pub headers: HeaderMap,
    /// Its whole body, or the part of it that [`Meta::part`] names.
    pub body: Bytes,
    /// What has to be known to use it again.
    pub meta: Meta,
}

/// What has to be known about a stored response to use it again.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)]
pub struct Meta {
    /// The encoded cache key that it was stored under. A store that answers with another key's response is not believed.
    pub key: Box<str>,
    /// The request's values of the fields that `Vary` names (RFC 9111 §4.1).
    pub selecting: Selecting,
    /// What it can be invalidated by.
    pub names: Names,
    /// What was known of the invalidation log before its fill began. The local part does not travel.
    pub position: Position,
    /// When it arrived (`response_time` in RFC 9111 §4.2.3).
    pub response_time: Wall,
    /// Its age at that moment (`corrected_initial_age`).
    pub initial_age: Duration,
    /// How long it is of use.
    pub lifetime: Lifetime,
    /// How long the handler took to make it.
    pub cost: Duration,
    /// What it says about its use.
    pub flags: Flags,
    /// Which part of its body is here; `None` if all of it is.
    ///
    /// RFC 9111 §3.3: an incomplete response may be stored "provided that the stored response is recorded as being
    /// incomplete".
    pub part: Option<ContentRange>,
}

/// The fields that `Vary` names, with the values that the request had, in the order of the names; `None` where the
/// request did not have the field.
pub type Selecting = Box<[(HeaderName, Option<HeaderValue>)]>;

/// What the newest response of a URI, whatever its query was, said of the queries that it answers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The wire form has to carry every field.
pub struct Told {
    /// What it said.
    pub variation: UrlVariation,
    /// When it arrived.
    pub at: Wall,
    /// For how long it is of use from then on.
    pub life: Duration,
}

/// What a stored response says about its use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_structs)]
#[allow(clippy::struct_excessive_bools)] // Each is one bit of the wire form.
pub struct Flags {
    /// It may answer requests with credentials (`public`, `s-maxage` or `must-revalidate`, RFC 9111 §3.5).
    pub shareable: bool,
    /// It must not be used stale (`must-revalidate`, `proxy-revalidate`, `s-maxage`).
    pub must_revalidate: bool,
    /// It must be validated before each use (`no-cache`).
    pub no_cache: bool,
    /// Its `ETag` was made by the cache, so that the handler cannot be asked about it.
    pub own_etag: bool,
}
