//! Storing parts, and combining them with stored parts (RFC 9111 §3.3, §3.4).

use std::sync::Arc;

use http::header::CONTENT_LENGTH;
use http::{HeaderValue, StatusCode};
use larder_core::http::freshen;
use larder_core::http::range::{ContentRange, PartialBody, combine};
use larder_core::http::reuse::{Reuse, reuse};
use larder_core::stored::{Meta, StoredResponse};
use larder_core::time::BootTime;

use crate::engine::lag_limit::{ReadTimes, limit_for_replicas};
use crate::http::fill::Fill;
use crate::http::fill::build::StorageRecord;
use crate::http::fill::commit::Committed;
use crate::http::memory::MemoryLookup;
use crate::http::memory::cached_response::CachedResponse;

impl Fill {
    /// Whether this is a run for ranges, which no follower waits for.
    pub(super) const fn is_range_fill(&self) -> bool {
        self.context.traits.range && self.leader.is_none()
    }

    /// Commits the handler's response. A part is combined with a stored one first.
    ///
    /// Returns `None` if the response is a part and the whole representation is stored by now.
    pub(super) fn commit_new(
        &mut self,
        cached: Arc<CachedResponse>,
        storage: &StorageRecord,
    ) -> Option<Committed> {
        let cached = if cached.meta.part().is_some() { self.combine_with_stored(cached)? } else { cached };
        Some(self.commit(cached, storage))
    }

    /// Returns the new part, combined with the stored one if the two can be combined.
    ///
    /// Returns `None` if the whole representation is stored by now.
    fn combine_with_stored(&self, new: Arc<CachedResponse>) -> Option<Arc<CachedResponse>> {
        let engine = &self.layer.engine;
        let now = engine.clock.boot();
        let found = match self.layer.http.memory.find(&new.meta.key, &self.context.headers, now) {
            MemoryLookup::Found(cached) => Some(cached),
            _ => None,
        };
        // Rule 3 of the log: a refused response is no base for anything. A stale response can be
        // one, as the new part confirms it.
        let is_usable = |cached: &Arc<CachedResponse>| {
            let (verdict, confirmed) = engine.log.verdict(&**cached, now);
            !matches!(reuse(&cached.candidate(verdict, confirmed, now), None), Reuse::Refused(_))
        };
        let Some(stored) = found.or_else(|| self.base.clone()).filter(is_usable) else {
            return Some(new);
        };
        if stored.status != StatusCode::OK || stored.meta.part().is_none() {
            return None;
        }
        let combined = self
            .combine_parts(&stored, &new, now)
            .map(|(stored, filled_at)| CachedResponse::from_fill(stored, filled_at, now));
        Some(combined.map_or(new, Arc::new))
    }

    /// Combines both parts, if they are of one representation and touch.
    ///
    /// Also returns the `filled_at` of the combined response.
    fn combine_parts(
        &self,
        stored: &CachedResponse,
        new: &CachedResponse,
        now: BootTime,
    ) -> Option<(StoredResponse, Option<BootTime>)> {
        let (stored_headers, new_headers) = (stored.stored_headers(), new.stored_headers());
        let (part, body) = combine(
            PartialBody { headers: &stored_headers, part: stored.meta.part()?, body: &stored.body },
            PartialBody { headers: &new_headers, part: new.meta.part()?, body: &new.body },
        )?;
        if body.len() > self.layer.max_body {
            return None;
        }
        // RFC 9111 §3.4: "a cache MUST update the stored response header fields using the header
        // fields provided in the new response, as per Section 3.2."
        let mut headers = stored_headers;
        freshen::replace(&mut headers, &new_headers);
        let is_whole = part.is_whole();
        if is_whole {
            // RFC 9110 §15.3.7.3: "as if it were a complete 200 (OK) response, including a
            // Content-Length header field that reflects the complete length".
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        let mut meta = merged_meta(stored, new, (!is_whole).then_some(part))?;
        if let Some(began) = new.filled_at {
            // The older part may have tags that the new one has not.
            let times = ReadTimes { began, received: now, initial_age: meta.initial_age };
            let (log, lag) = (&self.layer.engine.log, self.layer.policy.replica_lag);
            meta.lifetime = limit_for_replicas(log, lag, &meta.names, times, meta.lifetime);
        }
        // Rule 10 of the log: the bytes of the older part do not become younger. `None` counts as
        // older than every response that this process filled.
        let filled_at = stored.filled_at.min(new.filled_at);
        let filled_at = self.lower_to_values(&mut meta, filled_at, now);
        Some((StoredResponse { status: StatusCode::OK, headers, body, meta }, filled_at))
    }
}

/// Returns the metadata of two combined parts.
///
/// The new response decides how long both are fresh, as a 304 for the stored one would. An
/// invalidation of either part invalidates the combined response. So does an invalidation since the
/// older part was filled: see
/// [`Position::of_both`](larder_core::invalidation::position::Position::of_both).
fn merged_meta(stored: &CachedResponse, new: &CachedResponse, part: Option<ContentRange>) -> Option<Meta> {
    let (stored, new) = (&stored.meta, new.meta.to_meta());
    Some(Meta {
        names: new.names.with_tags_of(&stored.names)?,
        position: stored.position.combined(new.position)?,
        cost: stored.cost().max(new.cost),
        part,
        ..new
    })
}
