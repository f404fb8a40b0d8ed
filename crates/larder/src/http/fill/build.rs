//! Making a stored response of what the handler answered.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG};
use http::{HeaderMap, StatusCode};
use larder_core::http::cache_control::ResponseDirectives;
use larder_core::http::freshness::Lifetime;
use larder_core::http::range::{self, ContentRange};
use larder_core::http::storable::Judged;
use larder_core::http::vary::{self, Vary};
use larder_core::http::{date, fields, validators};
use larder_core::log::selector::Tag;
use larder_core::outcome::NotStored;
use larder_core::stored::{Flags, Meta, Selecting, StoredResponse};
use larder_core::time::{Boot, Wall};

use crate::http::fill::{Began, Fill};
use crate::http::memory::cached_response::Held;
use crate::http::policy::names::Named;

/// How a response came to be, and what it is good for.
pub(crate) struct Making {
    tags: Vec<Tag>,
    arrived: Wall,
    began: Began,
    /// See [`Held::filled_at`].
    filled_at: Option<Boot>,
    cost: Duration,
    initial_age: Duration,
    lifetime: Lifetime,
    flags: Flags,
    /// It answers no equivalent queries, whatever it says of them.
    is_for_one: bool,
    /// For those who wait at this moment, and nobody else.
    pub(crate) is_failure: bool,
}

impl Making {
    pub(crate) fn of(judged: Judged, tags: Vec<Tag>, arrived: Wall, began: Began, cost: Duration) -> Self {
        Self {
            tags,
            initial_age: judged.initial_age,
            lifetime: judged.lifetime,
            flags: judged.flags,
            is_for_one: false,
            is_failure: false,
            ..Self::of_failure(arrived, began, cost)
        }
    }

    pub(crate) fn of_failure(arrived: Wall, began: Began, cost: Duration) -> Self {
        Self {
            tags: Vec::new(),
            arrived,
            began,
            filled_at: Some(began.boot),
            cost,
            initial_age: Duration::ZERO,
            lifetime: Lifetime::default(),
            flags: Flags::default(),
            // Those who asked just the same.
            is_for_one: true,
            is_failure: true,
        }
    }

    /// This of a body that was not made now, but confirmed.
    pub(crate) fn validated(self, base: &Held) -> Self {
        Self { filled_at: base.filled_at, ..self }
    }

    /// This of a body that was confirmed by the handler and given another place in the log.
    ///
    /// What was not confirmed byte for byte stays with those it was made for: who invalidated an equivalent meanwhile must not
    /// be given that body.
    pub(crate) fn confirmed(self, base: &Held) -> Self {
        let is_for_one = self.is_for_one || !base.has_strong_etag();
        Self { is_for_one, ..self.validated(base) }
    }

    /// Whether what is made is stored: a failure's status is what keeps it from that.
    pub(crate) const fn stored(&self) -> Result<(), NotStored> {
        if self.is_failure { Err(NotStored::Status) } else { Ok(()) }
    }
}

/// Which part of a representation a response with status 206 has: it is stored as an incomplete 200 (RFC 9111 §3.3), and the
/// fields that are about its content do not belong to that.
fn part_of(status: StatusCode, headers: &mut HeaderMap) -> (StatusCode, Option<ContentRange>) {
    if status != StatusCode::PARTIAL_CONTENT {
        return (status, None);
    }
    let part = ContentRange::of(headers);
    for name in [CONTENT_LENGTH, CONTENT_RANGE].iter().chain(&range::OF_THE_CONTENT) {
        headers.remove(name);
    }
    (StatusCode::OK, part)
}

impl Fill {
    /// The stored response of these fields and this body.
    pub(crate) fn make(
        &self,
        status: StatusCode,
        headers: HeaderMap,
        body: Bytes,
        making: &Making,
    ) -> Arc<Held> {
        let mut stored = self.head(status, headers, making);
        let may_have_etag = stored.status == StatusCode::OK && stored.meta.part.is_none();
        if self.route.policy.make_etag && may_have_etag && !stored.headers.contains_key(ETAG) {
            stored.headers.insert(ETAG, validators::strong_etag(&stored.headers, &body));
            stored.meta.flags.own_etag = true;
        }
        self.hold(StoredResponse { body, ..stored }, making)
    }

    /// The same of a body that is yet to come.
    pub(crate) fn make_head(&self, status: StatusCode, headers: HeaderMap, making: &Making) -> Arc<Held> {
        self.hold(self.head(status, headers, making), making)
    }

    fn hold(&self, stored: StoredResponse, making: &Making) -> Arc<Held> {
        Arc::new(Held::filled(stored, making.filled_at, self.route.engine.clock.boot()))
    }

    fn head(&self, status: StatusCode, mut headers: HeaderMap, making: &Making) -> StoredResponse {
        // Before anything goes: `Connection` may list `Vary`, and the response depends on the fields all the same.
        let vary = Vary::parse(&headers);
        let directives = ResponseDirectives::of(&headers, &self.route.policy.store.targets);
        fields::remove_listed(&mut headers, &directives);
        let (status, part) = part_of(status, &mut headers);
        fields::remove_unstorable(&mut headers);
        // RFC 9110 §6.6.1: "A recipient with a clock that receives a response message without a Date header field MUST
        // record the time it was received and append a corresponding Date header field to the message's header section if
        // it is cached".
        if !headers.contains_key(DATE) {
            headers.insert(DATE, date::format(making.arrived));
        }
        let (key, named) = self.place(&headers, making);
        let meta = Meta {
            selecting: self.selecting(vary, &key),
            key,
            names: named.with(making.tags.iter().cloned()),
            position: making.began.position,
            response_time: making.arrived,
            initial_age: making.initial_age,
            lifetime: making.lifetime,
            cost: making.cost,
            flags: making.flags,
            part,
        };
        StoredResponse { status, headers, body: Bytes::new(), meta }
    }

    /// Where the response is found, and what it can be invalidated by. What it says of equivalent queries is in its key.
    fn place(&self, headers: &HeaderMap, making: &Making) -> (Box<str>, Named) {
        let named = self.ask.named.clone();
        match &self.ask.search {
            None => (self.ask.key.clone(), named),
            Some(search) if making.is_for_one => (search.exact().into(), named),
            Some(search) => match search.key_of(headers) {
                (key, None) => (key, named),
                (key, Some(variation)) => {
                    let named = named.with_equivalents(&key, &variation);
                    (key, named)
                }
            },
        }
    }

    /// What the response varies on, and what others of its key do: so that no two of them replace each other in turns.
    fn selecting(&self, vary: Vary, key: &str) -> Selecting {
        match vary {
            Vary::Fields(fields) => {
                let fields = self.route.http.memory.fields_with(key, fields);
                vary::selecting(&fields, &self.ask.headers)
            }
            Vary::None | Vary::Any => Selecting::default(),
        }
    }
}
