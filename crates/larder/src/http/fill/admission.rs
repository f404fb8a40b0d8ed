//! Deciding whether a response may be stored, and whether a failure may be shared.

use http::header::{CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue, StatusCode, response};
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::storable::{Storable, storable};
use larder_core::http::storable_fields;
use larder_core::http::varied_lifetime::with_jitter;
use larder_core::http::vary::Vary;
use larder_core::outcome::NotStored;

use crate::http::fill::{Fill, FillTimes};
use crate::http::response::cache_for::CacheFor;

/// Maximum weight of the header fields of a stored response.
const MAX_FIELDS_WEIGHT: usize = 64 * 1024;

/// A response, as far as it matters for the decision to store it.
#[derive(Clone, Copy)]
pub(super) struct StorageInput<'a> {
    pub(super) status: StatusCode,
    pub(super) headers: &'a HeaderMap,
    /// The handler's own lifetimes.
    pub(super) overrides: CacheFor,
    pub(super) times: FillTimes,
}

impl Fill {
    /// Decides whether the response may be stored.
    ///
    /// # Errors
    /// If it may not, with the reason.
    pub(super) fn may_store(&self, input: StorageInput<'_>) -> Result<Storable, NotStored> {
        if self.is_late {
            return Err(NotStored::FillTimeout);
        }
        if self.is_of_other_log {
            return Err(NotStored::OtherLog);
        }
        if self.context.traits.head {
            return Err(NotStored::Method);
        }
        // A part in answer to a request for the whole has no meaning.
        if input.status == StatusCode::PARTIAL_CONTENT && !self.is_range_fill() {
            return Err(NotStored::Partial);
        }
        self.may_store_get(input)
    }

    /// Decides whether a response to `GET` may be stored.
    ///
    /// # Errors
    /// If it may not, with the reason.
    pub(super) fn may_store_get(&self, input: StorageInput<'_>) -> Result<Storable, NotStored> {
        let StorageInput { status, headers, overrides, times } = input;
        if storable_fields::weight(headers) > MAX_FIELDS_WEIGHT {
            return Err(NotStored::HeadersTooLarge);
        }
        if is_stream(headers) {
            return Err(NotStored::Endless);
        }
        let (rules, context) = (&self.layer.policy.store, &self.context);
        let storable = storable(
            rules,
            context.traits.credentials,
            &context.headers,
            status,
            headers,
            overrides.as_override(),
            times.start.wall,
            times.arrived,
        )?;
        Ok(with_jitter(storable, self.layer.policy.jitter, fastrand::f64()))
    }

    /// Whether followers may get a failure of the handler.
    ///
    /// They asked for the same response at the same time. One more run for each of them would put
    /// more load on a handler that fails already. If the response varies, only followers with the
    /// same fields use it.
    pub(super) fn may_share_failure(&self, parts: &response::Parts) -> bool {
        let rules = &self.layer.policy.store;
        let directives = ResponseDirectives::of(&parts.headers, &rules.targeted_fields);
        self.leader.is_some()
            && self.layer.policy.is_failure(parts.status)
            && !parts.headers.contains_key(SET_COOKIE)
            // RFC 9111 §5.2.2.5: a cache "MUST NOT use the response to satisfy any other request".
            && !directives.no_store
            // Followers have the same key. If it has the user, they are of the same one.
            && (rules.store_private || !directives.private.is_present())
            && Vary::parse(&parts.headers) != Vary::Any
            // This cache may ignore that directive, but one behind it may not. The 504 of that
            // cache is for this request alone.
            && !RequestDirectives::parse(&self.context.headers).only_if_cached
    }
}

/// Whether a body of this type is a stream, which may have no end.
fn is_stream(headers: &HeaderMap) -> bool {
    const STREAMS: [&str; 5] = [
        "text/event-stream",
        "application/x-ndjson",
        "application/json-seq",
        "multipart/x-mixed-replace",
        "application/grpc",
    ];
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    let begins_with = |stream: &str| {
        kind.get(..stream.len()).is_some_and(|start| start.eq_ignore_ascii_case(stream.as_bytes()))
    };
    STREAMS.iter().any(|stream| begins_with(stream))
}
