//! Freshening a stored response with a 304 (RFC 9111 §4.3.4) or a response to `HEAD` (§4.3.5).

use std::sync::Arc;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
use larder_core::http::freshen;
use larder_core::outcome::NotStored;

use crate::http::body::CacheBody;
use crate::http::cache_status::ForwardInfo;
use crate::http::encode::filled::note_codings;
use crate::http::fill::admission::StorageInput;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::commit::Committed;
use crate::http::fill::followers::Release;
use crate::http::fill::{Fill, FillStart, FillTimes, ResponseSender};
use crate::http::memory::MemoryLookup;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::response::cache_for::CacheFor;
use crate::http::response::tags::Tags;
use crate::http::serve;

impl Fill {
    /// Updates the stale response with the fields of a 304.
    ///
    /// The result counts as a response that has just arrived. The rules for storing apply to it
    /// again.
    pub(super) async fn freshen<B, E>(
        mut self,
        response: Response<B>,
        times: FillTimes,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let Some(stale) = self.stale.take() else { return };
        let mut headers = stale.cached.handler_headers();
        if !freshen::freshen(&mut headers, response.headers()) {
            return self.serve_unchanged(&stale.cached, sender);
        }
        let (mut parts, _) = response.into_parts();
        let mut tags: Vec<_> = stale.cached.meta.names.tags().collect();
        tags.extend(parts.extensions.remove::<Tags>().unwrap_or_default().into_vec());
        tags.extend(self.context.tags(&self.layer, &headers));
        let overrides: CacheFor = parts.extensions.remove().unwrap_or_default();
        let status = stale.cached.status;
        self.layer.policy.mark_private(status, &mut headers);
        let storable = self.may_store(StorageInput { status, headers: &headers, overrides, times });
        let not_stored = storable.as_ref().err().copied();
        // The run that made the response usually took longer than the run that confirmed it, so
        // keep the higher cost.
        let times = FillTimes { cost: stale.cached.meta.cost().max(times.cost), ..times };
        let storage = match storable {
            Ok(storable) => StorageRecord::storable(storable, tags, times).revalidated(&stale.cached),
            Err(_) => StorageRecord::for_waiters(times),
        };
        note_codings(&self.layer, status, &mut headers, Some(stale.cached.body.len() as u64));
        let cached = self.rebuild(headers.clone(), &stale.cached, &storage);
        parts.status = status;
        parts.headers = headers;
        let committed = match not_stored {
            None => Some(self.commit(Arc::clone(&cached), &storage)),
            Some(reason) => {
                self.release_followers(reason, Release::Remembered);
                None
            }
        };
        let decision = match &committed {
            Some(committed) => self.decision(committed, &storage),
            None => not_stored.map(Err),
        };
        let forwarded = ForwardInfo::answered(StatusCode::NOT_MODIFIED, decision);
        let stored = not_stored.is_none().then_some(&*cached);
        self.send(sender, serve::from_fill(parts, &cached), forwarded, stored);
        self.share_committed(committed).await;
    }

    /// Serves the stored response unchanged, after a 304 that is about another representation.
    ///
    /// The handler confirmed the condition that was sent, so the stored response may be used (RFC
    /// 9111 §4.3.3). It must not be updated with the fields of this 304 (§4.3.4).
    fn serve_unchanged<B: Body<Data = Bytes>, E>(
        mut self,
        cached: &CachedResponse,
        sender: ResponseSender<B, E>,
    ) {
        let reason = NotStored::Status;
        self.release_followers(reason, Release::Once);
        let mut parts = Response::new(()).into_parts().0;
        parts.status = cached.status;
        parts.headers = cached.stored_headers();
        let forwarded = ForwardInfo::answered(StatusCode::NOT_MODIFIED, Some(Err(reason)));
        self.send(sender, serve::from_fill(parts, cached), forwarded, Some(cached));
    }

    /// Answers `HEAD` with the handler's response, and updates the stored response to `GET`.
    ///
    /// The update requires that both responses are of the same representation (RFC 9111 §4.3.5).
    /// The handler has not confirmed the stored body, so the stored response keeps its position in
    /// the log (rule 2).
    pub(super) async fn freshen_from_head<B, E>(
        mut self,
        response: Response<B>,
        stale: StaleResponse,
        times: FillTimes,
        sender: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let mut headers = stale.cached.handler_headers();
        let base = &stale.cached;
        let is_same = base.status == StatusCode::OK
            && freshen::freshen_from_head(&mut headers, base.body.len(), response.headers());
        let (mut parts, body) = response.into_parts();
        for headers in [&mut headers, &mut parts.headers] {
            self.layer.policy.mark_private(parts.status, headers);
        }
        let overrides: CacheFor = parts.extensions.get().copied().unwrap_or_default();
        let forwarded = ForwardInfo::answered(parts.status, Some(Err(NotStored::Method)));
        let input = StorageInput { status: parts.status, headers: &parts.headers, overrides, times };
        let described = self.expected_head_of_get(input, base.meta.names.tags().collect());
        let response = Response::from_parts(parts, CacheBody::inner(body));
        self.send(sender, response, forwarded, described.as_deref());
        if self.is_superseded(base) {
            return self.record_store_decision(Err(NotStored::Method));
        }
        match self.may_store_get(StorageInput { status: base.status, headers: &headers, overrides, times }) {
            Ok(storable) if is_same => {
                let mut tags: Vec<_> = base.meta.names.tags().collect();
                tags.extend(self.context.tags(&self.layer, &headers));
                let start = FillStart { position: base.meta.position, ..times.start };
                let times = FillTimes { start, cost: base.meta.cost().max(times.cost), ..times };
                let storage = StorageRecord::storable(storable, tags, times).not_regenerated(base);
                note_codings(&self.layer, base.status, &mut headers, Some(base.body.len() as u64));
                let cached = self.rebuild(headers, base, &storage);
                let committed = self.commit(cached, &storage);
                self.write_to_store(committed).await;
            }
            _ => {
                self.record_store_decision(Err(NotStored::Method));
                self.mark_stale(base).await;
            }
        }
    }

    /// Whether a response newer than `base` was stored in the meantime.
    ///
    /// If so, it is unknown which of the two the response to `HEAD` describes.
    fn is_superseded(&self, base: &CachedResponse) -> bool {
        let engine = &self.layer.engine;
        let found = self.layer.http.memory.find(&base.meta.key, &self.context.headers, engine.clock.boot());
        matches!(found, MemoryLookup::Found(found) if found.meta.response_time > base.meta.response_time)
    }

    /// Marks a fresh response as stale, on this instance and on the others.
    ///
    /// The handler's response to `HEAD` is about another representation. RFC 9111 §4.3.5:
    /// "otherwise, the cache SHOULD consider the stored response to be stale." The age that clients
    /// see does not change, and neither does the position in the log (rule 2).
    async fn mark_stale(self, base: &CachedResponse) {
        let engine = &self.layer.engine;
        let now = engine.clock.boot();
        if base.fresh_for(now).is_zero() {
            return;
        }
        let mut stored = base.to_stored();
        let meta = &mut stored.meta;
        (meta.initial_age, meta.response_time) = (base.age(now), engine.clock.wall());
        meta.lifetime.fresh = meta.lifetime.fresh.min(meta.initial_age);
        let cached = CachedResponse::from_fill(stored, base.filled_at, now).with_coded_forms_of(base);
        let cached = Arc::new(cached);
        let is_shareable = self.insert_in_memory(&cached);
        self.write_to_store(Committed { cached, is_shareable }).await;
    }
}
