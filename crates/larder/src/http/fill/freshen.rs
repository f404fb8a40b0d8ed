//! Freshening: the handler confirmed a stale response (RFC 9111 §4.3.4), or told its fields anew (§4.3.5).

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body::Body;
use larder_core::http::update;
use larder_core::outcome::NotStored;

use crate::http::body::CacheBody;
use crate::http::cache_status::ForwardInfo;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::{FillStart, ResponseSender, Fill};
use crate::http::memory::MemoryLookup;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stale_response::StaleResponse;
use crate::http::response::parts::{CacheFor, Tags};
use crate::http::serve;

impl Fill {
    /// Makes of the stale response one that has just arrived, and is judged like one.
    pub(super) async fn freshen<B, E>(
        mut self,
        response: Response<B>,
        began: FillStart,
        cost: Duration,
        client: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let Some(stale) = self.stale.take() else { return };
        let mut headers = stale.held.stored_headers();
        if !update::freshen(&mut headers, response.headers()) {
            return self.serve_unchanged(&stale.held, client);
        }
        let (mut parts, _) = response.into_parts();
        let mut tags: Vec<_> = stale.held.meta.names.tags().collect();
        tags.extend(parts.extensions.remove::<Tags>().unwrap_or_default().into_vec());
        tags.extend(self.ask.tags(&self.route, &headers));
        let said: CacheFor = parts.extensions.remove().unwrap_or_default();
        let arrived = self.route.engine.clock.wall();
        let status = stale.held.status;
        let judged = self.may_store(status, &headers, &said, began, arrived);
        let not_stored = judged.as_ref().err().copied();
        // The time it took to make it is that of the run that made it, not of the one that confirmed it.
        let cost = stale.held.meta.cost.max(cost);
        let making = match judged {
            Ok(judged) => StorageRecord::storable(judged, tags, arrived, began, cost).revalidated(&stale.held),
            Err(_) => StorageRecord::for_waiters(arrived, began, cost),
        };
        let held = self.build(status, headers.clone(), stale.held.body.clone(), &making);
        parts.status = status;
        parts.headers = headers;
        let forwarded = ForwardInfo::answered(StatusCode::NOT_MODIFIED, not_stored.map_or(Ok(()), Err));
        let of_use = match not_stored {
            None => self.commit(&held, &making),
            Some(reason) => {
                self.release_followers(reason, true);
                false
            }
        };
        self.send(client, serve::from_fill(parts, &held), forwarded);
        self.write_to_store(&held, of_use).await;
    }

    /// The handler confirmed the condition that was sent, by fields that are those of another response. The stored one may be
    /// used (RFC 9111 §4.3.3), and must not be updated (§4.3.4).
    fn serve_unchanged<B: Body<Data = Bytes>, E>(mut self, held: &CachedResponse, client: ResponseSender<B, E>) {
        let reason = NotStored::Status;
        self.release_followers(reason, false);
        let mut parts = Response::new(()).into_parts().0;
        parts.status = held.status;
        parts.headers = held.stored_headers();
        let forwarded = ForwardInfo::answered(StatusCode::NOT_MODIFIED, Err(reason));
        self.send(client, serve::from_fill(parts, held), forwarded);
    }

    /// Answers `HEAD` with what the handler made of it, and takes that into the stored response to `GET` that is of the same
    /// representation (RFC 9111 §4.3.5).
    ///
    /// The handler has not said that the body is still that: it keeps the place in the log that it has (rule 2).
    pub(super) async fn freshen_from_head<B, E>(
        mut self,
        response: Response<B>,
        stale: StaleResponse,
        began: FillStart,
        cost: Duration,
        client: ResponseSender<B, E>,
    ) where
        B: Body<Data = Bytes, Error: Send> + Send,
    {
        let mut headers = stale.held.stored_headers();
        let base = &stale.held;
        let is_same = base.status == StatusCode::OK
            && update::freshen_by_head(&mut headers, base.body.len(), response.headers());
        let (parts, body) = response.into_parts();
        let said: CacheFor = parts.extensions.get().copied().unwrap_or_default();
        let forwarded = ForwardInfo::answered(parts.status, Err(NotStored::Method));
        self.send(client, Response::from_parts(parts, CacheBody::inner(body)), forwarded);
        if self.is_superseded(base) {
            return self.route.engine.report.store_decision(Err(NotStored::Method));
        }
        let arrived = self.route.engine.clock.wall();
        match self.may_store_get(base.status, &headers, &said, began, arrived) {
            Ok(judged) if is_same => {
                let mut tags: Vec<_> = base.meta.names.tags().collect();
                tags.extend(self.ask.tags(&self.route, &headers));
                let began = FillStart { position: base.meta.position, ..began };
                let making =
                    StorageRecord::storable(judged, tags, arrived, began, base.meta.cost.max(cost)).not_regenerated(base);
                let held = self.build(base.status, headers, base.body.clone(), &making);
                let of_use = self.commit(&held, &making);
                self.write_to_store(&held, of_use).await;
            }
            _ => {
                self.route.engine.report.store_decision(Err(NotStored::Method));
                self.mark_stale(base).await;
            }
        }
    }

    /// Whether a newer response has come since: what `HEAD` was told may be of the older one.
    fn is_superseded(&self, base: &CachedResponse) -> bool {
        let cache = &self.route.engine;
        let found = self.route.http.memory.find(&base.meta.key, &self.ask.headers, cache.clock.boot());
        matches!(found, MemoryLookup::Found(found) if found.meta.response_time > base.meta.response_time)
    }

    /// Keeps in place of a response that is fresh the same one as stale, here and for other instances: the handler has told
    /// of another representation.
    ///
    /// RFC 9111 §4.3.5: "otherwise, the cache SHOULD consider the stored response to be stale." It is as old as it was, for the
    /// log (rule 2) as for the client.
    async fn mark_stale(self, base: &CachedResponse) {
        let cache = &self.route.engine;
        let now = cache.clock.boot();
        if base.fresh_for(now).is_zero() {
            return;
        }
        let mut stored = base.to_stored();
        let meta = &mut stored.meta;
        (meta.initial_age, meta.response_time) = (base.age(now), cache.clock.wall());
        meta.lifetime.fresh = meta.lifetime.fresh.min(meta.initial_age);
        let held = Arc::new(CachedResponse::from_fill(stored, base.filled_at, now));
        let of_use = self.insert_in_memory(&held);
        self.write_to_store(&held, of_use).await;
    }
}
