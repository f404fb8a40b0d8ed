//! Deciding whether a request may use the outcome of a flight that it waited for.

use std::sync::Arc;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::outcome::Outcome;

use crate::values::cached_value::CachedValue;
use crate::values::load_error::{Failure, LoadErrorKind, SharedError};
use crate::values::loading::load_step::{FlightSeat, LoadEnding, LoadPlan, LoadStep, Served};
use crate::values::loading::{Loading, MAX_RETRIES};
use crate::values::value_event::ValueOutcome;
use crate::values::value_key::ValueKey;

impl<K: ValueKey, V: Send + Sync + 'static> Loading<'_, K, V> {
    /// Decides whether this request may use the outcome of the flight that it waited for.
    pub(super) fn settle(&mut self, seat: FlightSeat<V>, outcome: Option<ValueOutcome<V>>) -> LoadStep<V> {
        let reason = seat.reason;
        let miss = Outcome::Miss(reason);
        let (cached, outcome, is_collapsed) = match outcome {
            None => return self.retry(&seat),
            Some(ValueOutcome::NotShared) => {
                return LoadStep::Done(LoadEnding::Load(LoadPlan::alone(seat.stale, miss)));
            }
            Some(ValueOutcome::Failed(error)) => return self.settle_failure(&seat, error),
            Some(ValueOutcome::Loaded(cached)) => (cached, miss, true),
            Some(ValueOutcome::AlreadyStored(cached, tier)) => (cached, Outcome::Hit(tier), false),
            Some(ValueOutcome::ServedStale(stale, reason)) if self.may_be_stale() => {
                (stale.cached, Outcome::Stale(stale.tier, reason), false)
            }
            Some(ValueOutcome::FailureNotShared | ValueOutcome::ServedStale(..)) => {
                return LoadStep::Done(LoadEnding::Rerun(reason));
            }
        };
        if !self.is_allowed_by_log(&seat, &cached) {
            return self.retry(&seat);
        }
        LoadStep::Done(LoadEnding::Serve(Served { cached, outcome, is_collapsed }))
    }

    /// Decides about the error of the load that this request waited for.
    ///
    /// One more load for each follower would put more load on a database that fails already. But a
    /// request whose errors have another type cannot use this one.
    fn settle_failure(&mut self, seat: &FlightSeat<V>, error: SharedError) -> LoadStep<V> {
        if !self.is_failure_allowed_by_log(seat) {
            return self.retry(seat);
        }
        if !(self.is_own_error)(&error) {
            return LoadStep::Done(LoadEnding::Rerun(seat.reason));
        }
        let failure = Failure { error, kind: LoadErrorKind::Shared };
        LoadStep::Done(LoadEnding::Fail(failure, seat.reason))
    }

    fn retry(&mut self, seat: &FlightSeat<V>) -> LoadStep<V> {
        if self.retries == MAX_RETRIES {
            return LoadStep::Done(LoadEnding::Rerun(seat.reason));
        }
        self.retries += 1;
        // The wait may have been long, so the shared tier is looked up again.
        self.seen = None;
        LoadStep::Evaluate(self.collection.look_in_memory(self.key))
    }

    /// Whether the log allows this request to use the value.
    ///
    /// Rule 13: "If its position at joining differs from the flight's, it takes the outcome only
    /// if, when the flight ends, the whole of rule 3 holds for the flight's position". Otherwise
    /// the request begins again. A value that was not loaded in this flight is always checked
    /// against rule 3. So is one whose load has used an older value.
    fn is_allowed_by_log(&self, seat: &FlightSeat<V>, cached: &Arc<CachedValue<V>>) -> bool {
        let log = &self.collection.engine.log;
        let used = cached.used();
        if !log.is_usable(used.filled_at, seat.joined_at) {
            return false;
        }
        let is_loaded = used.filled_at == Some(seat.flight.began) && used.position == seat.flight.position;
        let verdict = || self.verdict(&used.position, &cached.meta.names);
        match (seat.position == seat.flight.position, is_loaded) {
            (true, true) => true,
            (true, false) => verdict() != Verdict::Refused,
            (false, _) => verdict() == Verdict::Valid,
        }
    }

    /// Whether the log allows this request to use the failure of the flight, which is of this
    /// moment.
    fn is_failure_allowed_by_log(&self, seat: &FlightSeat<V>) -> bool {
        let names = || Names::of_value(self.text(), &[]);
        seat.position == seat.flight.position
            || self.verdict(&seat.flight.position, &names()) == Verdict::Valid
    }

    fn verdict(&self, position: &Position, names: &Names) -> Verdict {
        let engine = &self.collection.engine;
        let now = engine.clock.boot();
        engine.log.read(|tail| tail.check(position, names, now))
    }
}
