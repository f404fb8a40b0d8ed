//! Judge: what becomes of the handler's response.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, SET_COOKIE, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue, Response, StatusCode, response};
use http_body::{Body, Frame, SizeHint};
use larder_core::http::cache_control::{RequestDirectives, ResponseDirectives};
use larder_core::http::complete::{self, stated_length};
use larder_core::http::fields;
use larder_core::http::range::ContentRange;
use larder_core::http::storable::{Judged, judge};
use larder_core::http::vary::Vary;
use larder_core::outcome::NotStored;
use larder_core::time::Wall;
use tokio::time::Instant;

use crate::engine::lease::Lease;
use crate::http::body::CacheBody;
use crate::http::body::collect::{BodyReading, BodyStep, CollectNow, Collector};
use crate::http::body::tee::tee;
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::fill_result::FillResult;
use crate::http::fill::{Fill, FillStart, ResponseSender};
use crate::http::flight_event::{FlightOutcome, Lead};
use crate::http::lookup::reuse::is_still_fresh;
use crate::http::memory::UncacheableReason;
use crate::http::response::parts::{CacheFor, Tags};
use crate::http::serve;

/// A response's fields may take this many bytes and still be stored.
const MAX_FIELDS_WEIGHT: usize = 64 * 1024;

impl Fill {
    /// Judges the handler's response; stores it if it may be.
    pub(super) async fn handle_response<B, E>(
        self,
        response: Response<B>,
        start: FillStart,
        cost: Duration,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let (mut parts, body) = response.into_parts();
        let mut tags = parts.extensions.remove::<Tags>().unwrap_or_default().into_vec();
        tags.extend(self.context.tags(&self.layer, &parts.headers));
        let said: CacheFor = parts.extensions.remove().unwrap_or_default();
        let arrived = self.layer.engine.clock.wall();
        match self.may_store(parts.status, &parts.headers, &said, start, arrived) {
            Ok(storable) => {
                let storage = StorageRecord::storable(storable, tags, arrived, start, cost);
                self.store_body(parts, body, storage, sender).await;
            }
            Err(_) if self.may_share_failure(&parts) => {
                let storage = StorageRecord::for_waiters(arrived, start, cost);
                self.store_body(parts, body, storage, sender).await;
            }
            Err(reason) => self.forward_uncached(parts, body, reason, sender),
        }
    }

    pub(super) fn may_store(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        said: &CacheFor,
        start: FillStart,
        arrived: Wall,
    ) -> Result<Judged, NotStored> {
        if self.is_late {
            return Err(NotStored::FillTimeout);
        }
        if self.context.traits.head {
            return Err(NotStored::Method);
        }
        // Whoever was asked for the whole and answers with a part says nothing that could be understood.
        if status == StatusCode::PARTIAL_CONTENT && !self.is_range_fill() {
            return Err(NotStored::Partial);
        }
        self.may_store_get(status, headers, said, start, arrived)
    }

    /// Judges the response to `GET` with these fields.
    pub(super) fn may_store_get(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        said: &CacheFor,
        start: FillStart,
        arrived: Wall,
    ) -> Result<Judged, NotStored> {
        if fields::weight(headers) > MAX_FIELDS_WEIGHT {
            return Err(NotStored::HeadersTooLarge);
        }
        if is_stream(headers) {
            return Err(NotStored::Endless);
        }
        let rules = &self.layer.policy.store;
        let (credentials, request) = (self.context.traits.credentials, &self.context.headers);
        let said = said.as_override();
        let storable = judge(rules, credentials, request, status, headers, said, start.wall, arrived)?;
        Ok(self.layer.policy.jitter.apply(storable, fastrand::f64()))
    }

    /// Whether a failure of the handler may be told to those who waited for it: they asked the same thing at the same
    /// time, and asking again for each of them would hit a handler that is in trouble.
    fn may_share_failure(&self, parts: &response::Parts) -> bool {
        let directives = ResponseDirectives::of(&parts.headers, &self.layer.policy.store.targets);
        self.leader.is_some()
            && parts.status.is_server_error()
            && !parts.headers.contains_key(SET_COOKIE)
            // RFC 9111 §5.2.2.5: a cache "MUST NOT use the response to satisfy any other request".
            && !directives.no_store
            && !directives.private.is_present()
            && Vary::parse(&parts.headers) == Vary::None
            // Where this cache does not heed that, one behind it may: its 504 answers nobody else.
            && !RequestDirectives::parse(&self.context.headers).only_if_cached
    }

    /// Passes on a response that is not stored. Followers go on at once, and for a short while no request waits for this key.
    fn forward_uncached<B: Body<Data = Bytes>, E>(
        mut self,
        parts: response::Parts,
        body: B,
        reason: NotStored,
        sender: ResponseSender<B, E>,
    ) {
        let status = parts.status;
        if self.is_conditional_answer(status) {
            self.abandon_flight(reason);
        } else {
            self.release_followers(reason, !status.is_server_error());
        }
        let response = Response::from_parts(parts, CacheBody::inner(body));
        self.send(sender, response, ForwardInfo::answered(status, Err(reason)));
    }

    /// Whether the response is about the conditions or ranges of its own request, which a provisional fill leaves in it.
    fn is_conditional_answer(&self, status: StatusCode) -> bool {
        const CONDITIONAL: [StatusCode; 4] = [
            StatusCode::NOT_MODIFIED,
            StatusCode::PARTIAL_CONTENT,
            StatusCode::PRECONDITION_FAILED,
            StatusCode::RANGE_NOT_SATISFIABLE,
        ];
        self.context.is_provisional && CONDITIONAL.contains(&status)
    }

    /// Ends the flight without an outcome, so that its followers begin a new one.
    fn abandon_flight(&mut self, reason: NotStored) {
        self.layer.engine.report.store_decision(Err(reason));
        self.leader = None;
    }

    /// Reads the body while the client does, and stores the response at its clean end.
    async fn store_body<B, E>(
        mut self,
        parts: response::Parts,
        body: B,
        storage: StorageRecord,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let limit = self.layer.policy.max_body;
        let least = stated_length(&parts.headers).unwrap_or_default().max(body.size_hint().lower());
        if least > limit as u64 {
            return self.forward_uncached(parts, body, NotStored::TooLarge, sender);
        }
        let forwarded = ForwardInfo::answered(parts.status, storage.store_decision());
        let (status, headers) = (parts.status, parts.headers.clone());
        match Collector::new(body, limit).poll_now().await {
            CollectNow::Complete(body) if !has_stated_length(status, &headers, body.size()) => {
                self.release_followers(NotStored::Incomplete, true);
                let forwarded = ForwardInfo { stored: Some(Err(NotStored::Incomplete)), ..forwarded };
                let response = Response::from_parts(parts, CacheBody::misfit(body.hint(), body.chunks()));
                self.send(sender, response, forwarded);
            }
            CollectNow::Complete(body) => {
                let cached = self.build(status, headers, body.into_bytes(), &storage);
                // First: whoever has a response and asks again at once finds it stored.
                let committed = self.commit_new(Arc::clone(&cached), &storage);
                self.send(sender, serve::from_fill(parts, &cached), forwarded);
                self.share_committed(committed).await;
            }
            CollectNow::Pending(collector, first) => {
                self.stream_body(parts, (collector, first), storage, sender).await;
            }
        }
    }

    /// The same of a body that is not there at once: its client, and followers that may stream it, get it as it comes.
    async fn stream_body<B, E>(
        mut self,
        parts: response::Parts,
        (collector, first): (Collector<B>, Option<BodyStep<B>>),
        storage: StorageRecord,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let forwarded = ForwardInfo::answered(parts.status, storage.store_decision());
        let (status, headers) = (parts.status, parts.headers.clone());
        let (writer, reader) = tee(collector.hint());
        for data in collector.chunks() {
            writer.push(Frame::data(data.clone()));
        }
        let length = known_length(&headers, &collector.hint());
        // Followers are not promised a response whose first step already forbids to store it.
        let forbidden = first.as_ref().and_then(BodyStep::not_stored_reason).map(Err);
        let followers = match forbidden {
            None => self.publish((status, &headers), length, &storage, collector.chunks()),
            Some(_) => None,
        };
        let forwarded = ForwardInfo { stored: forbidden.or(forwarded.stored), ..forwarded };
        let reader = CacheBody::tee(reader.counted(self.clients.guard()));
        self.send(sender, Response::from_parts(parts, reader), forwarded);
        let waits = self.layer.policy.fill_limits.unknown_length;
        let let_go_at = (followers.is_none() && length.is_none()).then(|| Instant::now() + waits);
        let (leader, lease) = (self.leader.as_ref(), &mut self.lease);
        let mut let_go = || stop_waiting(leader, lease.take());
        let mut reading = BodyReading {
            followers,
            length,
            let_go: let_go_at.map(|at| (at, &mut let_go as &mut (dyn FnMut() + Send))),
        };
        let abandoned = self.clients.wait_abandoned(&self.layer.engine.background);
        let read = collector.collect_rest(first, writer, &mut reading, abandoned).await;
        let followers = reading.followers;
        // Followers are notified last, so that one that tries again at once finds what became of the response.
        match read {
            Ok((body, writer)) if !has_stated_length(status, &headers, body.len()) => {
                self.release_followers(NotStored::Incomplete, true);
                writer.finish_misfit();
            }
            Ok((body, writer)) => {
                let cached = self.build(status, headers, body, &storage);
                let committed = self.commit_new(Arc::clone(&cached), &storage);
                writer.finish();
                if let Some(followers) = followers {
                    followers.finish(cached.body.clone());
                }
                self.share_committed(committed).await;
            }
            // A body that broke off says nothing about the next one: followers begin a new flight.
            Err(reason @ (NotStored::BodyError | NotStored::Abandoned)) => self.abandon_flight(reason),
            Err(reason) => self.release_followers(reason, !storage.is_failure),
        }
    }

    /// Lets followers go on by themselves, and, for a while, requests that come later too.
    pub(super) fn release_followers(&mut self, reason: NotStored, remember: bool) {
        let engine = &self.layer.engine;
        engine.report.store_decision(Err(reason));
        let Some(leader) = self.leader.take() else { return };
        // What was to be refreshed early, and is still fresh, stays in its place.
        let remember = remember && !is_still_fresh(&self.layer, &self.context, self.stale.as_ref());
        let now = engine.clock.boot();
        let time = remember.then(|| {
            self.layer.http.memory.insert_hit_for_miss(
                &self.context.key,
                &self.context.headers,
                UncacheableReason::of(reason),
                now,
            )
        });
        leader.finish(FlightOutcome::NotShared);
        match (self.lease.take(), time) {
            (Some(lease), Some(time)) => lease.release_as_uncacheable(time),
            (Some(lease), None) => lease.finish_with(FillResult::NotShared.into_bytes()),
            (None, _) => {}
        }
    }

    /// Answers the request that started the fill, if its client is still there.
    pub(super) fn send<B: Body<Data = Bytes>, E>(
        &self,
        sender: ResponseSender<B, E>,
        response: Response<CacheBody<B>>,
        forwarded: ForwardInfo,
    ) {
        let response = serve::from_handler(&self.layer, &self.context, response, self.outcome, forwarded);
        let _ = sender.send(Ok(response));
    }
}

/// The length of a body before it is read, if the response or the body tells it.
fn known_length(headers: &HeaderMap, hint: &SizeHint) -> Option<u64> {
    // RFC 9112 §6.3: "If a message is received with both a Transfer-Encoding and a Content-Length header field, the
    // Transfer-Encoding overrides the Content-Length."
    if headers.contains_key(TRANSFER_ENCODING) {
        return None;
    }
    stated_length(headers).or(hint.exact())
}

/// Whether a body is all that the response said it would be: as long as `Content-Length` has it, and for a part as
/// `Content-Range` has it. What ended early must not be taken for the whole (RFC 9111 §3.3), however cleanly it ended.
fn has_stated_length(status: StatusCode, headers: &HeaderMap, length: usize) -> bool {
    // RFC 9110 §14.4: elsewhere `Content-Range` "has no meaning".
    let part = ContentRange::of(headers).filter(|_| status == StatusCode::PARTIAL_CONTENT);
    complete::is_complete(headers, length) && part.is_none_or(|part| part.has_length(length))
}

/// Ends the wait for a body that takes too long, here and on other instances. It may still be stored.
fn stop_waiting(leader: Option<&Lead>, lease: Option<Lease>) {
    if let Some(leader) = leader {
        leader.announce(FlightOutcome::NotShared);
    }
    if let Some(lease) = lease {
        lease.finish_with(FillResult::NotShared.into_bytes());
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
