//! Committing a response: it is stored in memory, then followers get it.

use std::sync::Arc;

use larder_core::invalidation::table::Verdict;
use larder_core::outcome::{MissReason, NotShared, NotStored, Outcome};
use larder_core::stored::wire;

use crate::engine::lease::fill_result::FillResult;
use crate::http::encode::filled::make_preferred_form;
use crate::http::fill::Fill;
use crate::http::fill::build::StorageRecord;
use crate::http::flight_event::FlightOutcome;
use crate::http::memory::cached_response::CachedResponse;

/// A response that a fill has committed.
pub(super) struct Committed {
    pub(super) cached: Arc<CachedResponse>,
    /// Whether the response is to be written to the shared tier.
    pub(super) is_shareable: bool,
}

impl Fill {
    /// Stores the response in memory, and ends the flight with it.
    ///
    /// A failure is not stored. Followers get it, here and on other instances.
    pub(super) fn commit(&mut self, cached: Arc<CachedResponse>, storage: &StorageRecord) -> Committed {
        self.record_store_decision(storage.store_decision());
        if storage.is_failure() {
            self.finish_flight(FlightOutcome::HandlerFailed(Arc::clone(&cached)));
            let calendar = &self.layer.engine.store_calendar;
            let encode = || wire::encode(&cached.to_shared(calendar));
            let result = FillResult::handler_failed(cached.body.len(), encode);
            if let Some((lease, result)) = self.lease.take().zip(result) {
                lease.finish_with(result.into_bytes());
            }
            return Committed { cached, is_shareable: false };
        }
        let is_useful = self.insert_in_memory(&cached);
        if self.is_outlived(&cached) {
            // Followers elect another leader, here and on other instances. Its handler loads what
            // has ended.
            self.leader = None;
            return Committed { cached, is_shareable: false };
        }
        self.finish_flight(FlightOutcome::Stored(Arc::clone(&cached)));
        let is_shareable = is_useful && self.may_be_shared(&cached) && self.may_add_key();
        if is_shareable {
            cached.note_shared();
        }
        make_preferred_form(&self.layer, &self.context, &cached);
        Committed { cached, is_shareable }
    }

    /// Returns what is certain about storing a committed response when its client is answered.
    ///
    /// The log may have refused it, or it may be too large for the memory. Whether it gets into the
    /// shared tier is only known after its client has been answered.
    pub(super) fn decision(
        &self,
        committed: &Committed,
        storage: &StorageRecord,
    ) -> Option<Result<(), NotStored>> {
        let is_in_memory = || self.layer.http.memory.contains(&committed.cached);
        storage.early_decision().or_else(|| is_in_memory().then_some(Ok(())))
    }

    /// Stores the response in memory, unless the log refuses it.
    ///
    /// Returns whether the response is of use to other instances.
    ///
    /// Rule 11: "On insert: load the generation, then check, then insert." A response that was
    /// invalidated during its fill is only for the requests that came before the invalidation.
    pub(super) fn insert_in_memory(&self, cached: &Arc<CachedResponse>) -> bool {
        let engine = &self.layer.engine;
        // Read first. If the log was read by now, the verdict refuses a position from before that.
        let has_position = engine.log.has_caught_up();
        let (verdict, _) = engine.log.verdict(&**cached, engine.clock.boot());
        if verdict == Verdict::Refused {
            return false;
        }
        self.layer.insert_in_memory(cached, self.context.matched_path.as_deref());
        // Recorded before followers are notified: they may have to look up another key.
        self.record_variation(cached);
        if self.layer.http.memory.is_enabled() {
            self.note_stored_early();
        }
        // Without a position in the log that instances share, no instance could serve the response
        // from the shared tier. It would only replace one that they can serve.
        has_position
    }

    /// Wakes the followers of the flight whose handler may have sent this request.
    ///
    /// They find the response that this run has stored.
    pub(super) fn note_stored_early(&self) {
        if let Some(flight) = &self.early_for {
            flight.own_requests.note_stored();
        }
    }

    /// Records what the response says about equivalent queries.
    pub(super) fn record_variation(&self, cached: &CachedResponse) {
        let Some(scope) = &self.context.scope else { return };
        if let Some(hint) = self.variation_hint(&cached.fields.to_table(), &cached.meta.to_meta()) {
            let clock = &self.layer.engine.clock;
            self.layer.http.variations.record(scope.base_key(), hint, clock.wall(), clock.boot());
        }
    }

    /// Whether the body is small enough for the shared tier.
    ///
    /// If it is not, instances that wait for the response run their handlers at once.
    fn may_be_shared(&mut self, cached: &CachedResponse) -> bool {
        let engine = &self.layer.engine;
        if engine.store.is_none() || cached.body.len() as u64 <= engine.store_limits.max_body_bytes {
            return true;
        }
        engine.report.not_shared(NotShared::TooLarge);
        let (key, bytes) = (&*self.context.key, cached.body.len());
        tracing::debug!(target: "larder", key, bytes, "response not shared: its body is too large");
        if let Some(lease) = self.lease.take() {
            lease.finish_with(FillResult::NotShared.into_bytes());
        }
        false
    }

    /// Whether the policy's limit for new keys lets the response be shared.
    ///
    /// A response that replaces a stored one needs no new key. If the lookup found out nothing, the
    /// key counts as new.
    fn may_add_key(&self) -> bool {
        let was_stored = match self.outcome {
            Outcome::Miss(reason) => matches!(
                reason,
                MissReason::Expired
                    | MissReason::Invalidated
                    | MissReason::LogRestarted
                    | MissReason::NoCache
                    | MissReason::Partial
                    | MissReason::Request
            ),
            Outcome::Hit(_) | Outcome::Stale(..) => true,
            Outcome::Bypass(_) => false,
        };
        if was_stored || self.layer.new_key_budget.try_take(self.layer.engine.clock.boot()) {
            return true;
        }
        self.layer.engine.report.not_shared(NotShared::NewKeys);
        false
    }

    /// Ends the flight with this outcome.
    fn finish_flight(&mut self, outcome: FlightOutcome) {
        // Without the memory tier, no request finds the response before it is in the shared tier.
        // Until then the flight stays open for further followers.
        if !self.layer.http.memory.is_enabled() {
            if let Some(leader) = &self.leader {
                return leader.announce(outcome);
            }
        }
        if let Some(leader) = self.leader.take() {
            leader.finish(outcome);
        }
    }
}
