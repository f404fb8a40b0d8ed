//! Waiting for the flight of another request.

use larder_core::outcome::{Outcome, StaleReason};
use tokio::time::{Instant, sleep_until};

use crate::engine::coalesce::flight_waits::FlightId;
use crate::engine::fill_scope::FillScope;
use crate::values::loading::Loading;
use crate::values::loading::load_step::{FlightSeat, LoadEnding, LoadPlan, LoadStep};
use crate::values::value_key::ValueKey;

impl<K: ValueKey, V: Send + Sync + 'static> Loading<'_, K, V> {
    /// Waits for the end of the flight, until the deadline of this request.
    ///
    /// Does not wait for a flight that waits for this request, and loads instead. From the soft
    /// limit on, a stale value is served if there is one.
    pub(super) async fn follow(&mut self, seat: FlightSeat<V>) -> LoadStep<V> {
        let collection = self.collection;
        let fills = self.scope.as_ref().map(FillScope::flights).unwrap_or_default();
        let waits = &collection.engine.flight_waits;
        let Some(_wait) = waits.try_wait(fills, FlightId::of(&seat.flight.clients)) else {
            // The load of that flight waits for the fill that asks for this value.
            let plan = LoadPlan::alone(seat.stale, Outcome::Miss(seat.reason));
            return LoadStep::Done(LoadEnding::Load(plan));
        };
        let _guard = seat.flight.clients.guard();
        // The limit is about the load, which may have run for a while when this request joined.
        let elapsed = collection.engine.clock.boot().saturating_since(seat.flight.began);
        let stale_after = collection.options.stale_after.filter(|_| seat.stale.is_some());
        let stale_at = stale_after.map(|limit| Instant::now() + limit.saturating_sub(elapsed));
        if let Some(stale_at) = stale_at.filter(|at| *at < self.deadline) {
            tokio::select! {
                biased;
                outcome = seat.flight.finished() => return LoadStep::Settle(seat, outcome),
                () = sleep_until(stale_at) => {}
            }
            if let Some(stale) = seat.stale.as_ref().filter(|stale| collection.may_serve_on_error(stale)) {
                return LoadStep::Done(LoadEnding::stale(stale.clone(), StaleReason::SlowHandler));
            }
        }
        tokio::select! {
            biased;
            outcome = seat.flight.finished() => LoadStep::Settle(seat, outcome),
            () = sleep_until(self.deadline) => LoadStep::Done(LoadEnding::Rerun(seat.reason)),
        }
    }
}
