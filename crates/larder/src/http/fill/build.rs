//! Building a stored response from the handler's answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG};
use http::{HeaderMap, StatusCode};
use larder_core::http::cache_control::ResponseDirectives;
use larder_core::http::freshness::Lifetime;
use larder_core::http::range::{self, ContentRange};
use larder_core::http::response_flags::ResponseFlags;
use larder_core::http::storable::Storable;
use larder_core::http::vary::{self, SelectingFields, Vary};
use larder_core::http::{date, storable_fields};
use larder_core::invalidation::selector::Tag;
use larder_core::outcome::NotStored;
use larder_core::stored::{Meta, StoredResponse};
use larder_core::time::BootTime;

use crate::engine::lag_limit::{ReadTimes, limit_for_replicas};
use crate::http::fill::followers::Release;
use crate::http::fill::{Fill, FillTimes};
use crate::http::memory::cached_response::{CachedResponse, is_never_fresh};
use crate::http::policy::names::NamesBuilder;

/// The facts about a response that its headers and body do not state.
pub(crate) struct StorageRecord {
    tags: Vec<Tag>,
    times: FillTimes,
    /// See [`CachedResponse::filled_at`].
    filled_at: Option<BootTime>,
    initial_age: Duration,
    lifetime: Lifetime,
    flags: ResponseFlags,
    audience: Audience,
}

/// The requests that may get a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    /// All requests with an equivalent query, as the response itself defines it.
    AllEquivalent,
    /// Requests for exactly this URI.
    ExactUri,
    /// The requests that wait at this moment. It is not stored.
    WaitersOnly,
}

impl StorageRecord {
    /// Returns the record of a response that may be stored.
    pub(crate) fn storable(storable: Storable, tags: Vec<Tag>, times: FillTimes) -> Self {
        Self {
            tags,
            initial_age: storable.initial_age,
            lifetime: storable.lifetime,
            flags: storable.flags,
            audience: Audience::AllEquivalent,
            ..Self::for_waiters(times)
        }
    }

    /// Returns the record of a failure, which is not stored.
    pub(crate) fn for_waiters(times: FillTimes) -> Self {
        Self {
            tags: Vec::new(),
            times,
            filled_at: times.start.filled_at,
            initial_age: Duration::ZERO,
            lifetime: Lifetime::default(),
            flags: ResponseFlags::default(),
            audience: Audience::WaitersOnly,
        }
    }

    /// Returns the record of a response with the body of the base, which this run did not generate.
    pub(crate) fn not_regenerated(self, base: &CachedResponse) -> Self {
        Self { filled_at: base.filled_at.min(self.filled_at), ..self }
    }

    /// Returns the record of a response with the body of the base, which the handler has confirmed.
    ///
    /// The response gets the position of this fill. If the body was not confirmed byte for byte, it
    /// is only for requests for its own URI: after an invalidation of an equivalent URI, it must
    /// not be served under that one.
    pub(crate) fn revalidated(self, base: &CachedResponse) -> Self {
        let audience = match self.audience {
            Audience::AllEquivalent if !base.has_strong_etag() => Audience::ExactUri,
            audience => audience,
        };
        Self { audience, ..self.not_regenerated(base) }
    }

    /// Whether the response is a failure, which only the requests that wait at this moment get.
    pub(crate) fn is_failure(&self) -> bool {
        self.audience == Audience::WaitersOnly
    }

    /// Whether the response is of no use to followers, as it is never fresh.
    pub(super) fn is_never_fresh(&self) -> bool {
        !self.is_failure() && is_never_fresh(&self.lifetime, &self.flags)
    }

    /// Returns how followers go on if the response turns out not to be for them.
    pub(super) fn release(&self) -> Release {
        if self.is_failure() { Release::Failed } else { Release::Remembered }
    }

    /// Returns whether the response is to be stored. A failure is not, because of its status.
    pub(crate) fn store_decision(&self) -> Result<(), NotStored> {
        if self.is_failure() { Err(NotStored::Status) } else { Ok(()) }
    }

    /// Returns what is known about storing the response before its body has ended.
    pub(crate) fn early_decision(&self) -> Option<Result<(), NotStored>> {
        self.store_decision().err().map(Err)
    }
}

/// Turns a 206 into the incomplete 200 that is stored for it (RFC 9111 §3.3), and returns its part.
///
/// Removes the fields that describe the content of the 206. Other responses stay as they are.
fn split_partial(status: StatusCode, headers: &mut HeaderMap) -> (StatusCode, Option<ContentRange>) {
    if status != StatusCode::PARTIAL_CONTENT {
        return (status, None);
    }
    let part = ContentRange::of(headers);
    for name in [CONTENT_LENGTH, CONTENT_RANGE].iter().chain(&range::CONTENT_FIELDS) {
        headers.remove(name);
    }
    (StatusCode::OK, part)
}

impl Fill {
    /// Builds the stored response with these fields and this body.
    pub(crate) fn build(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        storage: &StorageRecord,
    ) -> Arc<CachedResponse> {
        let now = self.layer.engine.clock.boot();
        let (mut stored, filled_at) = self.stored_head(status, headers, storage, now);
        let may_have_etag = stored.status == StatusCode::OK && stored.meta.part.is_none();
        if may_have_etag && !stored.headers.contains_key(ETAG) {
            if let Some(tag) = self.layer.policy.generated_etag.generate(&stored.headers, &body) {
                stored.headers.insert(ETAG, tag);
                stored.meta.flags.own_etag = true;
            }
        }
        Arc::new(CachedResponse::from_fill(StoredResponse { body, ..stored }, filled_at, now))
    }

    /// Builds the stored response with these fields and the body of `base`.
    ///
    /// The coded forms of that body stay.
    pub(crate) fn rebuild(
        &self,
        headers: HeaderMap,
        base: &CachedResponse,
        storage: &StorageRecord,
    ) -> Arc<CachedResponse> {
        let cached = self.build(base.status, headers, base.body.clone(), storage);
        match Arc::try_unwrap(cached) {
            Ok(cached) => Arc::new(cached.with_coded_forms_of(base)),
            Err(cached) => cached,
        }
    }

    /// Builds the stored response with these fields, whose body is still to come.
    pub(crate) fn build_head(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        storage: &StorageRecord,
    ) -> Arc<CachedResponse> {
        let now = self.layer.engine.clock.boot();
        let (stored, filled_at) = self.stored_head(status, headers, storage, now);
        Arc::new(CachedResponse::from_fill(stored, filled_at, now))
    }

    /// Returns the stored response without its body, and its `filled_at`. It is received now.
    fn stored_head(
        &self,
        status: StatusCode,
        mut headers: HeaderMap,
        storage: &StorageRecord,
        now: BootTime,
    ) -> (StoredResponse, Option<BootTime>) {
        // Parsed before any field is removed. `Connection` may list `Vary`, but the response still
        // depends on the fields that it names.
        let vary = Vary::parse(&headers);
        let directives = ResponseDirectives::of(&headers, &self.layer.policy.store.targeted_fields);
        storable_fields::remove_listed(&mut headers, &directives);
        let (status, part) = split_partial(status, &mut headers);
        storable_fields::remove_unstorable(&mut headers);
        // RFC 9110 §6.6.1: "A recipient with a clock that receives a response message without a
        // Date header field MUST record the time it was received and append a corresponding Date
        // header field to the message's header section if it is cached".
        if !headers.contains_key(DATE) {
            headers.insert(DATE, date::format(storage.times.arrived));
        }
        let (key, names) = self.key_and_names(&headers, storage);
        let names = names.build(storage.tags.iter().cloned());
        let (began, initial_age) = (storage.times.start.boot, storage.initial_age);
        let times = ReadTimes { began, received: now, initial_age };
        let (log, lag) = (&self.layer.engine.log, self.layer.policy.replica_lag);
        let lifetime = limit_for_replicas(log, lag, &names, times, storage.lifetime);
        let mut meta = Meta {
            selecting: self.selecting_fields(vary, &key),
            key: key.into(),
            names,
            position: storage.times.start.position,
            response_time: storage.times.arrived,
            initial_age: storage.initial_age,
            lifetime,
            cost: storage.times.cost,
            flags: storage.flags,
            part,
        };
        let filled_at = self.lower_to_values(&mut meta, storage.filled_at, now);
        (StoredResponse { status, headers, body: Bytes::new(), meta }, filled_at)
    }

    /// Returns the key of the response, and the names by which it can be invalidated.
    ///
    /// The key reflects what the response says about equivalent queries.
    fn key_and_names(&self, headers: &HeaderMap, storage: &StorageRecord) -> (Box<str>, NamesBuilder) {
        let names = self.context.names.clone();
        match &self.context.scope {
            None => (self.context.key.clone(), names),
            Some(scope) if storage.audience != Audience::AllEquivalent => (scope.exact_key().into(), names),
            Some(scope) => match scope.key_for_response(headers) {
                (key, None) => (key, names),
                (key, Some(variation)) => {
                    let names = names.with_equivalents(&key, &variation);
                    (key, names)
                }
            },
        }
    }

    /// Returns the request's fields that the response, or another one with its key, varies on.
    ///
    /// If only the fields of one response counted, two responses with one key could replace each
    /// other in turns.
    fn selecting_fields(&self, vary: Vary, key: &str) -> SelectingFields {
        match vary {
            Vary::Fields(fields) => {
                let mut fields = self.layer.http.memory.merge_fields(key, fields);
                if !self.layer.policy.codings().is_empty() {
                    // The handler was asked for a response without a coding, for all requests.
                    fields = fields.into_iter().filter(|name| *name != ACCEPT_ENCODING).collect();
                }
                vary::selecting(&fields, &self.context.headers)
            }
            Vary::None | Vary::Any => SelectingFields::default(),
        }
    }
}
