//! The health of a cache, for probes, and waiting until it is ready.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::tail::Tail;
use larder_core::monitoring::CircuitState;
use serde::Serialize;
use tokio::time::timeout_at;

use crate::cache::until_answered::{NO_ADDRESS, until_answered};
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::engine::invalidation_log::view::deadline_in;
use crate::engine::monitoring::own_record::worst_circuit;
use crate::engine::report::store_state::StoreState;
use crate::engine::report::write_queue_state::WriteQueueState;
use crate::engine::serialize::{optional_seconds, seconds};
use crate::engine::shared::Engine;

/// The maximum wait: about as long as forever, but no overflow of the clock.
const MAX_WAIT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How a cache and its shared store are doing.
///
/// Returned by [`Cache::health`](crate::Cache::health). With serde, durations are seconds.
///
/// # Probes
///
/// Use it for monitoring, and at most for a readiness probe at startup. A cache whose store is in
/// trouble still answers every request, from memory or by the handlers. A liveness probe that
/// restarts instances for it, or a readiness probe that takes all of them out of service, turns
/// trouble with Redis into an outage.
///
/// # Examples
///
/// ```
/// use larder::{Cache, StoreState};
///
/// let health = Cache::default().health();
/// assert!(health.is_ready());
/// assert_eq!(health.store, StoreState::Absent);
/// assert_eq!(health.to_string(), "ready, shared store absent");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// The state of the shared store.
    pub store: StoreState,
    /// Whether this instance has read the invalidation log to its end recently enough.
    ///
    /// That is within [`max_staleness`](crate::CacheBuilder::max_staleness). If it has not, it
    /// serves no response that it filled longer ago than that, and none from the shared store.
    /// Always `true` without a shared store.
    pub caught_up: bool,
    /// How long ago this instance asked for the end of the invalidation log, and got it.
    ///
    /// `None` before the first time, and without a shared store.
    #[serde(rename = "confirmation_age_seconds", serialize_with = "optional_seconds")]
    pub confirmation_age: Option<Duration>,
    /// The number of selectors of deferred invalidations that other instances do not know yet.
    pub deferred: usize,
    /// The limit of [`confirmation_age`](Self::confirmation_age):
    /// [`max_staleness`](crate::CacheBuilder::max_staleness).
    #[serde(rename = "max_staleness_seconds", serialize_with = "seconds")]
    pub max_staleness: Duration,
    /// The worst state of the circuit breakers of the shared store.
    ///
    /// `None` if the store has none, without a shared store, and after closing.
    pub circuit: Option<CircuitState>,
    /// The state of the write queue, if a [write-behind](crate::values::WriteBehind) collection
    /// needs one.
    pub write_queue: WriteQueueState,
    is_ready: bool,
}

impl Health {
    pub(super) fn of(engine: &Engine) -> Self {
        let closed = engine.background.is_closed();
        let store = match &engine.store {
            None => StoreState::Absent,
            Some(_) if closed => StoreState::Closed,
            Some(_) => engine.report.store_state(),
        };
        let write_queue = engine.report.write_queues.worst();
        let (circuit, max_staleness) = (worst_circuit(engine), engine.log.max_staleness());
        if engine.store.is_none() {
            let (caught_up, confirmation_age, deferred, is_ready) = (true, None, 0, true);
            return Self {
                store,
                caught_up,
                confirmation_age,
                deferred,
                max_staleness,
                circuit,
                write_queue,
                is_ready,
            };
        }
        let now = engine.clock.boot();
        engine.log.read(|tail| {
            let confirmation_age = tail.confirmed_at().map(|at| now.saturating_since(at));
            Self {
                store,
                caught_up: confirmation_age.is_some_and(|age| age <= max_staleness),
                confirmation_age,
                deferred: tail.pending_count(),
                max_staleness,
                circuit,
                write_queue,
                is_ready: !closed && tail.may_trust_store(now, max_staleness),
            }
        })
    }

    /// Returns the age of the last confirmation as a multiple of its limit.
    ///
    /// Above 1.0, the instance has not [caught up](Self::caught_up). Returns `None` before the
    /// first confirmation, and without a shared store.
    #[must_use]
    pub fn staleness_ratio(self) -> Option<f64> {
        self.confirmation_age.map(|age| age.as_secs_f64() / self.max_staleness.as_secs_f64())
    }

    /// Returns whether this instance uses the responses in the shared store, if it has one.
    ///
    /// It does if it has caught up with the log and no invalidation is deferred.
    #[must_use]
    pub const fn is_ready(self) -> bool {
        self.is_ready
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { store, caught_up, confirmation_age, deferred, circuit, write_queue, is_ready, .. } = self;
        write!(f, "{}, shared store {store}", if *is_ready { "ready" } else { "not ready" })?;
        match confirmation_age {
            Some(age) if !caught_up => write!(f, ", invalidation log last read {age:?} ago")?,
            None if !caught_up => f.write_str(", invalidation log not read yet")?,
            Some(_) | None => {}
        }
        if *deferred > 0 {
            write!(f, ", {deferred} deferred invalidations")?;
        }
        if let Some(state) = circuit.filter(|state| *state != CircuitState::Closed) {
            write!(f, ", circuit {state}")?;
        }
        match write_queue {
            WriteQueueState::Absent | WriteQueueState::Durable => Ok(()),
            trouble => write!(f, ", write queue {trouble}"),
        }
    }
}

/// The error of a cache that did not become ready in time.
///
/// Returned by [`Cache::ready`](crate::Cache::ready).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotReadyError(Health);

impl NotReadyError {
    /// Returns the health of the cache at the end of the wait.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.0
    }
}

impl fmt::Display for NotReadyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotReadyError {}

/// Waits until the cache is ready, for at most this long.
pub(super) async fn wait_until_ready(engine: &Arc<Engine>, within: Duration) -> Result<(), NotReadyError> {
    spawn_follower(engine);
    let (clock, max_staleness) = (&engine.clock, engine.log.max_staleness());
    let is_ready = |tail: &Tail| tail.may_trust_store(clock.boot(), max_staleness);
    if let Some(store) = &engine.store {
        let deadline = deadline_in(within.min(MAX_WAIT));
        let usable = async {
            engine.log.wait(deadline, is_ready).await;
            // The connection for what is stored may come up later than the one for the log. Until
            // then, responses are not shared.
            let readable = until_answered(deadline, async || store.get(NO_ADDRESS).await);
            let _ = timeout_at(deadline, readable).await;
        };
        // Closing does not change the view of the log, so it has to end the wait by itself.
        tokio::select! {
            () = usable => {}
            () = engine.background.closed() => {}
        }
    }
    let health = Health::of(engine);
    if health.is_ready() { Ok(()) } else { Err(NotReadyError(health)) }
}

#[cfg(test)]
mod tests {
    use larder_core::write_queue::DurabilityGap;

    use super::*;

    #[test]
    fn the_text_says_what_is_missing() {
        let ready = Health {
            store: StoreState::Working,
            caught_up: true,
            confirmation_age: Some(Duration::from_millis(300)),
            deferred: 0,
            max_staleness: Duration::from_secs(2),
            circuit: Some(CircuitState::Closed),
            write_queue: WriteQueueState::Durable,
            is_ready: true,
        };
        let not = Health { is_ready: false, ..ready };
        let late = Health { caught_up: false, confirmation_age: Some(Duration::from_secs(9)), ..not };
        let never = Health { store: StoreState::Connecting, confirmation_age: None, ..late };
        let cases = [
            (ready, "ready, shared store working"),
            (
                Health { store: StoreState::Refusing, deferred: 2, ..not },
                "not ready, shared store refusing, 2 deferred invalidations",
            ),
            (late, "not ready, shared store working, invalidation log last read 9s ago"),
            (never, "not ready, shared store connecting, invalidation log not read yet"),
            (Health { store: StoreState::Closed, ..not }, "not ready, shared store closed"),
            (
                Health { circuit: Some(CircuitState::Open), ..not },
                "not ready, shared store working, circuit open",
            ),
            (
                Health { write_queue: WriteQueueState::NotDurable(DurabilityGap::NoAppendOnlyFile), ..ready },
                "ready, shared store working, write queue not durable enough: the store has no append-only \
                 file: set appendonly yes",
            ),
        ];
        let json = serde_json::to_value(late).unwrap();
        assert_eq!((&json["store"], &json["confirmation_age_seconds"]), (&"working".into(), &9.0.into()));
        assert_eq!((&json["is_ready"], &json["circuit"]), (&false.into(), &"closed".into()));
        assert_eq!((&json["write_queue"], late.staleness_ratio()), (&"durable".into(), Some(4.5)));
        for (health, text) in cases {
            assert_eq!(health.to_string(), text);
            assert_eq!(NotReadyError(health).to_string(), text);
        }
    }
}
