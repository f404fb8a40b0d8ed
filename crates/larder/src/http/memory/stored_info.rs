//! The description of a stored response, for operators.

use std::time::Duration;

use http::{HeaderName, HeaderValue, StatusCode};
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::reuse::reuse;
use larder_core::invalidation::selector::Tag;
use larder_core::key::redact::{redact, redact_field, redact_uri};
use larder_core::time::BootTime;
use serde::{Serialize, Serializer};

use crate::engine::invalidation_log::view::LogView;
use crate::engine::listing::stored_state::StoredState;
use crate::engine::serialize::{seconds, tags};
use crate::http::memory::cached_response::CachedResponse;

/// The description of a stored response. It has no body and no credential.
///
/// Values that are or may be credentials are replaced by a short digest, such as `^#1f3a9c02`. This
/// applies to the cookies and the partition in the key, to header fields apart from a list such as
/// `Accept-Language`, and to query parameters such as `access_token`. The digest of a value is the
/// same everywhere, so entries of one user can be found. It does not hide a value that can be
/// guessed, such as a number. Paths, tags, and the texts of key templates are shown as they are.
///
/// With serde, durations are seconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StoredInfo {
    /// The encoded key, as it may be shown.
    pub key: String,
    /// The path in its normal form.
    pub path: String,
    /// The URIs that the response is named by, as they may be shown.
    pub uris: Vec<String>,
    /// The status of the response.
    #[serde(serialize_with = "code")]
    pub status: StatusCode,
    /// Whether it may be served at this moment.
    pub state: StoredState,
    /// Its age (RFC 9111 §4.2.3).
    #[serde(rename = "age_seconds", serialize_with = "seconds")]
    pub age: Duration,
    /// Its freshness lifetime.
    #[serde(rename = "lifetime_seconds", serialize_with = "seconds")]
    pub lifetime: Duration,
    /// The time until its lifetime ends. Zero if it has ended.
    #[serde(rename = "remaining_seconds", serialize_with = "seconds")]
    pub remaining: Duration,
    /// The size of its body in bytes.
    pub body_bytes: u64,
    /// The approximate size of the whole entry in its tier, in bytes.
    pub stored_bytes: u64,
    /// Its tags.
    #[serde(serialize_with = "tags")]
    pub tags: Vec<Tag>,
    /// Its position in the invalidation log: the incarnation of the log, `/`, and the id of the
    /// last event that its fill knew. If this instance had deferred events, `+` and their number
    /// follow.
    pub position: String,
    /// The fields that select this variant, if the responses of the key vary.
    pub variant: Vec<VariantField>,
    /// Whether only a part of the body is stored.
    pub is_partial: bool,
    /// The content codings in which the body is stored as well. In the shared tier, they have
    /// entries of their own, and are not listed.
    pub codings: Vec<ContentCoding>,
}

/// A request field that selects a variant of a stored response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VariantField {
    /// The name of the field.
    #[serde(serialize_with = "name")]
    pub name: HeaderName,
    /// The value of the field, as it may be shown. `None` for requests without the field.
    pub value: Option<String>,
}

/// The facts that the description of each response needs.
#[derive(Clone, Copy)]
pub(crate) struct Viewpoint<'a> {
    pub(crate) log: &'a LogView,
    pub(crate) now: BootTime,
    /// The fields that the application calls credentials.
    pub(crate) credentials: &'a [HeaderName],
}

impl StoredInfo {
    /// Describes a response that takes this many bytes.
    pub(crate) fn of(cached: &CachedResponse, stored_bytes: u64, view: Viewpoint<'_>) -> Self {
        let meta = &cached.meta;
        Self {
            key: redact(&meta.key).into_owned(),
            path: meta.names.path().to_owned(),
            uris: meta.names.uris().map(|uri| redact_uri(uri).into_owned()).collect(),
            status: cached.status,
            state: state_of(cached, view.log, view.now),
            age: cached.age(view.now),
            lifetime: meta.fresh(),
            remaining: cached.fresh_for(view.now),
            body_bytes: cached.body.len() as u64,
            stored_bytes,
            tags: meta.names.tags().collect(),
            position: meta.position.to_string(),
            variant: meta.selecting().iter().map(|(name, value)| view.field(name, value.as_ref())).collect(),
            is_partial: meta.part().is_some(),
            codings: cached.codings(),
        }
    }
}

/// Returns whether a stored response may be served at this moment.
pub(crate) fn state_of(cached: &CachedResponse, log: &LogView, now: BootTime) -> StoredState {
    let (verdict, confirmed) = log.verdict(cached, now);
    StoredState::of(reuse(&cached.candidate(verdict, confirmed, now), None))
}

impl Viewpoint<'_> {
    fn field(&self, name: &HeaderName, value: Option<&HeaderValue>) -> VariantField {
        let shown = |value: &HeaderValue| {
            let text = String::from_utf8_lossy(value.as_bytes());
            // The empty name is not one of the fields that are shown.
            let name = if self.credentials.contains(name) { "" } else { name.as_str() };
            redact_field(name, &text).into_owned()
        };
        VariantField { name: name.clone(), value: value.map(shown) }
    }
}

fn code<S: Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

fn name<S: Serializer>(name: &HeaderName, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(name.as_str())
}
