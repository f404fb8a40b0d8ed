//! Storing the handler's response while its client reads it.

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, response};
use http_body::{Body, Frame};
use larder_core::http::completeness::stated_length;
use larder_core::outcome::NotStored;
use tokio::time::Instant;

use crate::http::body::CacheBody;
use crate::http::body::collect::{BodyReading, BodyStep, CollectNow, Collector};
use crate::http::body::shared_body::SharedBodyWriter;
use crate::http::body::tee::{Tee, tee};
use crate::http::cache_status::ForwardInfo;
use crate::http::encode::filled::note_codings;
use crate::http::fill::admission::StorageInput;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::followers::{Release, stop_waiting};
use crate::http::fill::stated_length::{has_stated_length, known_length};
use crate::http::fill::{Fill, FillTimes, ResponseSender};
use crate::http::response::cache_for::CacheFor;
use crate::http::response::tags::Tags;
use crate::http::serve;

/// The rest of a body that is read to be stored.
struct PendingBody<B: Body> {
    collector: Collector<B>,
    /// The first step that was read, but not handled yet.
    first: Option<BodyStep<B>>,
    /// How followers go on if the body takes too long.
    release: Release,
}

impl Fill {
    /// Stores the handler's response if it may be, and sends it to the client in any case.
    pub(super) async fn handle_response<B, E>(
        self,
        response: Response<B>,
        times: FillTimes,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let (mut parts, body) = response.into_parts();
        self.layer.policy.mark_private(parts.status, &mut parts.headers);
        let mut tags = parts.extensions.remove::<Tags>().unwrap_or_default().into_vec();
        tags.extend(self.context.tags(&self.layer, &parts.headers));
        let overrides: CacheFor = parts.extensions.remove().unwrap_or_default();
        let input = StorageInput { status: parts.status, headers: &parts.headers, overrides, times };
        let storage = match self.may_store(input) {
            Ok(storable) => StorageRecord::storable(storable, tags, times),
            Err(_) if self.may_share_failure(&parts) => StorageRecord::for_waiters(times),
            Err(reason) => {
                let described = self.expected_head_of_get(input, tags);
                return self.forward_uncached(parts, body, reason, described.as_deref(), sender);
            }
        };
        self.store_body(parts, body, storage, sender).await;
    }

    /// Reads the body, and stores the response at its clean end.
    async fn store_body<B, E>(
        mut self,
        mut parts: response::Parts,
        body: B,
        storage: StorageRecord,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        if !storage.is_failure() {
            let size = known_length(&parts.headers, &body.size_hint());
            note_codings(&self.layer, parts.status, &mut parts.headers, size);
        }
        let limit = self.layer.max_body;
        let min_size = stated_length(&parts.headers).unwrap_or_default().max(body.size_hint().lower());
        if min_size > limit as u64 {
            return self.forward_uncached(parts, body, NotStored::TooLarge, None, sender);
        }
        let status = parts.status;
        match Collector::new(body, limit).poll_now().await {
            CollectNow::Complete(body) if !has_stated_length(status, &parts.headers, body.size()) => {
                self.release_followers(NotStored::Incomplete, storage.release());
                let forwarded = ForwardInfo::answered(status, Some(Err(NotStored::Incomplete)));
                let response = Response::from_parts(parts, CacheBody::misfit(body.hint(), body.chunks()));
                self.send(sender, response, forwarded, None);
            }
            CollectNow::Complete(body) => {
                let cached = self.build(status, parts.headers.clone(), body.into_bytes(), &storage);
                // Committed first, so that a client that repeats its request at once finds the
                // response stored.
                let committed = self.commit_new(Arc::clone(&cached), &storage);
                let decision = committed.as_ref().and_then(|committed| self.decision(committed, &storage));
                let forwarded = ForwardInfo::answered(status, decision);
                let stored = (!storage.is_failure()).then_some(&*cached);
                self.send(sender, serve::from_fill(parts, &cached), forwarded, stored);
                self.share_committed(committed).await;
            }
            CollectNow::Pending(collector, first) => {
                let body = PendingBody { collector, first, release: storage.release() };
                // Boxed, as every fill would otherwise have room for it.
                Box::pin(self.stream_body(parts, body, storage, sender)).await;
            }
        }
    }

    /// Reads a body that is not complete at once.
    ///
    /// Its client, and followers that may stream it, get it as it arrives.
    async fn stream_body<B, E>(
        mut self,
        parts: response::Parts,
        body: PendingBody<B>,
        storage: StorageRecord,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let PendingBody { collector, first, release } = body;
        let (status, headers) = (parts.status, parts.headers.clone());
        let (writer, reader) = tee(collector.hint());
        for data in collector.chunks() {
            writer.push(Frame::data(data.clone()));
        }
        let length = known_length(&headers, &collector.hint());
        // A body whose first step already forbids to store it is not promised to followers.
        let forbidden = first.as_ref().and_then(BodyStep::not_stored_reason).map(Err);
        if storage.is_never_fresh() {
            // It answers none of them, so they do not wait for its end.
            stop_waiting(self.leader.as_ref(), self.lease.take(), Release::Once);
        }
        let followers = match forbidden {
            None if !storage.is_never_fresh() => self.publish(&parts, length, &storage, collector.chunks()),
            _ => None,
        };
        // Whether the response is stored is only known at the end of its body.
        let forwarded = ForwardInfo::answered(status, forbidden.or_else(|| storage.early_decision()));
        let reader = CacheBody::tee(reader.counted(self.clients.guard()));
        let head = if forbidden.is_none() { self.expected_head(&parts, &storage) } else { None };
        self.send(sender, Response::from_parts(parts, reader), forwarded, head.as_deref());
        let (read, followers) =
            self.read_rest(PendingBody { collector, first, release }, writer, length, followers).await;
        // Notify followers last, so that a follower that retries at once finds the result of the
        // fill.
        match read {
            Ok((body, writer)) if !has_stated_length(status, &headers, body.len()) => {
                self.release_followers(NotStored::Incomplete, storage.release());
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
            // A body that broke off says nothing about the next one, so followers begin a new
            // flight.
            Err(reason @ (NotStored::BodyError | NotStored::Abandoned)) => self.abandon_flight(reason),
            Err(reason) => self.release_followers(reason, storage.release()),
        }
    }

    /// Reads the rest of a body.
    ///
    /// Followers of a body of unknown length wait for its end only as long as the policy allows.
    async fn read_rest<B>(
        &mut self,
        body: PendingBody<B>,
        writer: Tee<B>,
        length: Option<u64>,
        followers: Option<SharedBodyWriter>,
    ) -> (Result<(Bytes, Tee<B>), NotStored>, Option<SharedBodyWriter>)
    where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let max_wait = self.layer.policy.fill_limits.unknown_length;
        let release_at = (followers.is_none() && length.is_none()).then(|| Instant::now() + max_wait);
        let (leader, lease) = (self.leader.as_ref(), &mut self.lease);
        let mut release = || stop_waiting(leader, lease.take(), body.release);
        let mut reading = BodyReading {
            followers,
            length,
            release: release_at.map(|at| (at, &mut release as &mut (dyn FnMut() + Send))),
        };
        let abandoned = self.clients.wait_abandoned(&self.layer.engine.background);
        let read = body.collector.collect_rest(body.first, writer, &mut reading, abandoned).await;
        (read, reading.followers)
    }
}
