//! The scope of a fill: the task of its handler or load, and the values that this one has used.
//!
//! A handler may use cached values while its response is filled. The response is then no newer than
//! these values, and stays fresh no longer than they do. So each use is noted in the scope, and the
//! fill asks the scope what the used values allow.
//!
//! A handler may also send a request to its own application, or begin a load. That work must not
//! wait for the fill, because the fill waits for it. So the scope names the flight and the lease of
//! its fill, and the scopes around it.
//!
//! A scope belongs to one task. A task that user code spawns has no scope: a value that it uses is
//! not noted, and may be stale.

use std::future::Future;
use std::iter::successors;
use std::sync::{Arc, OnceLock, PoisonError};

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::table::Verdict;
use larder_core::lease::LeaseId;
use larder_core::time::BootTime;

use crate::engine::coalesce::client_count::ClientCount;
use crate::engine::coalesce::flight_waits::FlightId;
use crate::engine::invalidation_log::view::LogView;
use crate::engine::sync::{Mutex, MutexGuard};

tokio::task_local! {
    static CURRENT: FillScope;
}

/// A fill whose handler or load runs in a task, with the fills around it.
///
/// A clone is the same scope.
#[derive(Clone)]
pub(crate) struct FillScope(Arc<Scope>);

struct Scope {
    /// The clients of the fill's flight, which identify it.
    flight: Option<Arc<ClientCount>>,
    lease: OnceLock<LeaseId>,
    /// The names of the result that are known before the handler runs.
    names: OnceLock<Names>,
    /// The limits of all values that were used so far.
    used: Mutex<Option<UsedValue>>,
    outer: Option<FillScope>,
}

impl Drop for Scope {
    /// Drops the scopes around this one in turn, because a load of many values has many of them.
    fn drop(&mut self) {
        let mut outer = self.outer.take();
        while let Some(FillScope(next)) = outer {
            outer = Arc::into_inner(next).and_then(|mut scope| scope.outer.take());
        }
    }
}

/// A cached value that a fill has used, as far as it limits the result of the fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsedValue {
    pub(crate) position: Position,
    /// The moment at which this process began to load the value. `None` if another process may have
    /// loaded it (rule 10).
    pub(crate) filled_at: Option<BootTime>,
    /// The moment from which the value is stale. `None` if it is always fresh.
    pub(crate) fresh_until: Option<BootTime>,
}

impl UsedValue {
    /// Returns what two values allow together.
    fn and(self, other: Self) -> Self {
        let ends = [self.fresh_until, other.fresh_until];
        Self {
            // Values of two incarnations make a result that no log accepts, as one is refused.
            position: self.position.combined(other.position).unwrap_or(Position::REFUSED),
            // `None` is older than every moment.
            filled_at: self.filled_at.min(other.filled_at),
            fresh_until: ends.into_iter().flatten().min(),
        }
    }
}

impl FillScope {
    /// Returns the scope of the innermost fill that waits for the work of the current task.
    pub(crate) fn current() -> Option<Self> {
        CURRENT.try_with(Clone::clone).ok()
    }

    /// Whether the current task belongs to a fill, without a clone of its scope.
    #[inline]
    pub(crate) fn is_set() -> bool {
        CURRENT.try_with(|_| ()).is_ok()
    }

    /// Creates the scope of a fill within `outer`.
    ///
    /// A fill with a flight runs in a task of its own, where [`current`](Self::current) does not
    /// return the outer scope. So the caller reads it before it starts that task.
    pub(crate) fn new(outer: Option<Self>, flight: Option<&Arc<ClientCount>>) -> Self {
        let (lease, names, used) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Self(Arc::new(Scope { flight: flight.cloned(), lease, names, used, outer }))
    }

    /// Notes that the fill holds this lease. A fill has at most one.
    pub(crate) fn set_lease(&self, lease: LeaseId) {
        let _ = self.0.lease.set(lease);
    }

    /// Sets the names of the result that are known before the handler runs.
    pub(crate) fn set_names(&self, names: Names) {
        let _ = self.0.names.set(names);
    }

    /// Whether the log would refuse the result of this fill, or of one around it, because it used a
    /// value with this position.
    ///
    /// The result gets the position of the value. An event may have named the result, such as its
    /// URI, but not the value. Until the value is loaded again, no result could be stored.
    pub(crate) fn is_refused_with(&self, position: &Position, log: &LogView, now: BootTime) -> bool {
        let is_refused = |names: &Names| log.read(|tail| tail.check(position, names, now)) != Verdict::Valid;
        self.with_outer().filter_map(|Self(scope)| scope.names.get()).any(is_refused)
    }

    /// Runs work that the fill waits for.
    pub(crate) fn scope<F: Future>(self, work: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, work)
    }

    /// Notes that a value was used: the results of this fill and of those around it are no newer.
    ///
    /// Call this before user code gets the value.
    pub(crate) fn note(&self, used: UsedValue) {
        for Self(scope) in self.with_outer() {
            let mut noted = lock(&scope.used);
            *noted = Some(noted.map_or(used, |noted| noted.and(used)));
        }
    }

    /// Returns what all values that were used so far allow together. `None` if there are none.
    pub(crate) fn lowered(&self) -> Option<UsedValue> {
        *lock(&self.0.used)
    }

    /// Whether this fill or one around it holds a lease.
    ///
    /// A load within it must not wait for another lease: its holder may wait for this one.
    pub(crate) fn holds_lease(&self) -> bool {
        self.with_outer().any(|Self(scope)| scope.lease.get().is_some())
    }

    /// Whether this fill or one around it is that of the flight with these clients.
    pub(crate) fn has_flight(&self, clients: &Arc<ClientCount>) -> bool {
        self.with_outer()
            .any(|Self(scope)| scope.flight.as_ref().is_some_and(|own| Arc::ptr_eq(own, clients)))
    }

    /// Returns the flights of this fill and of those around it.
    pub(crate) fn flights(&self) -> Vec<FlightId> {
        self.with_outer().filter_map(|Self(scope)| scope.flight.as_ref()).map(FlightId::of).collect()
    }

    /// Whether this fill or one around it holds this lease.
    pub(crate) fn has_lease(&self, lease: LeaseId) -> bool {
        self.with_outer().any(|Self(scope)| scope.lease.get() == Some(&lease))
    }

    /// Returns this scope and those around it, the innermost one first.
    fn with_outer(&self) -> impl Iterator<Item = &Self> {
        successors(Some(self), |Self(scope)| scope.outer.as_ref())
    }
}

fn lock(used: &Mutex<Option<UsedValue>>) -> MutexGuard<'_, Option<UsedValue>> {
    // A change under this lock cannot be left half done.
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use larder_core::invalidation::position::Incarnation;

    use super::*;
    use crate::testing::{after, now, position};

    #[test]
    fn a_long_chain_of_scopes_is_dropped_without_recursion() {
        let chain = (0..1_000_000).fold(None, |outer, _| Some(FillScope::new(outer, None)));
        drop(chain);
    }

    fn lease(id: u8) -> LeaseId {
        LeaseId::from_bytes([id; 16])
    }

    fn value(log: u64, local: u64) -> UsedValue {
        UsedValue { position: position(log, local), filled_at: Some(now()), fresh_until: None }
    }

    fn noted(values: &[UsedValue]) -> Option<UsedValue> {
        let scope = FillScope::new(None, None);
        values.iter().for_each(|&value| scope.note(value));
        scope.lowered()
    }

    #[tokio::test]
    async fn work_knows_the_fills_that_wait_for_it_in_its_own_task_alone() {
        let flights = [ClientCount::new(), ClientCount::new(), ClientCount::new()];
        let outer = FillScope::new(FillScope::current(), Some(&flights[0]));
        outer.set_lease(lease(1));
        assert!(FillScope::current().is_none());
        let known = || {
            let current = FillScope::current().unwrap();
            let flights = flights.each_ref().map(|flight| current.has_flight(flight));
            (flights, [1, 2].map(|id| current.has_lease(lease(id))))
        };
        let inner = || FillScope::new(FillScope::current(), Some(&flights[1]));
        outer
            .scope(async {
                assert_eq!(known(), ([true, false, false], [true, false]));
                inner().scope(async { assert_eq!(known(), ([true, true, false], [true, false])) }).await;
                let spawned = tokio::spawn(async { FillScope::current().is_none() });
                assert!(spawned.await.unwrap());
            })
            .await;
        assert!(FillScope::current().is_none());
    }

    #[test]
    fn a_fill_within_one_that_holds_a_lease_counts_as_its_holder() {
        let plain = FillScope::new(None, None);
        assert!(!plain.holds_lease());
        let holder = FillScope::new(Some(plain.clone()), None);
        holder.set_lease(lease(1));
        assert!(holder.holds_lease());
        assert!(FillScope::new(Some(holder), None).holds_lease());
        assert!(!plain.holds_lease(), "the lease is not that of the outer fill");
    }

    #[test]
    fn a_fill_is_as_old_as_the_oldest_of_the_values_in_each_part() {
        assert_eq!(noted(&[]), None);
        assert_eq!(noted(&[value(5, 1)]), Some(value(5, 1)));
        // Rule 1: log id and local number are compared separately.
        assert_eq!(noted(&[value(5, 1), value(3, 2), value(9, 9)]), Some(value(3, 1)));
        let earlier = UsedValue { filled_at: Some(BootTime::ZERO), ..value(1, 1) };
        assert_eq!(noted(&[value(1, 1), earlier, value(1, 1)]), Some(earlier));
        let promoted = UsedValue { filled_at: None, ..value(1, 1) };
        assert_eq!(noted(&[earlier, promoted, earlier]), Some(promoted));
    }

    #[test]
    fn a_fill_ends_with_the_value_that_ends_first() {
        let until = |secs| UsedValue { fresh_until: Some(after(Duration::from_secs(secs))), ..value(1, 1) };
        assert_eq!(noted(&[value(1, 1), until(9), value(1, 1)]), Some(until(9)));
        assert_eq!(noted(&[until(9), until(5), until(7)]), Some(until(5)));
    }

    #[test]
    fn values_of_two_incarnations_make_a_result_that_no_log_accepts() {
        let elsewhere = Position { incarnation: Incarnation::from_bytes([9; 16]), ..position(1, 1) };
        let other = UsedValue { position: elsewhere, ..value(1, 1) };
        for values in [vec![value(1, 1), other], vec![other, value(1, 1), other, other]] {
            assert_eq!(noted(&values).unwrap().position, Position::REFUSED);
        }
    }

    #[test]
    fn a_value_counts_for_all_fills_around_its_use_and_for_none_within() {
        let outer = FillScope::new(None, None);
        let inner = FillScope::new(Some(outer.clone()), None);
        inner.note(value(5, 1));
        assert_eq!((outer.lowered(), inner.lowered()), (Some(value(5, 1)), Some(value(5, 1))));
        outer.note(value(3, 1));
        assert_eq!((outer.lowered(), inner.lowered()), (Some(value(3, 1)), Some(value(5, 1))));
    }
}
