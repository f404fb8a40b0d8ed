//! Running a load, within the limits of time.

use std::future::{Future, pending};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::outcome::{NotStored, Outcome, StaleReason};
use larder_core::time::{BootTime, WallTime};
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::engine::catch_panic::{CatchPanic, Panic};
use crate::engine::coalesce::clients::Clients;
use crate::engine::detach::join_or_resume_panic;
use crate::engine::fill_scope::FillScope;
use crate::engine::lease::Lease;
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::collection_state::Collection;
use crate::values::load_error::SharedError;
use crate::values::loading::claim_load::LoadPurpose;
use crate::values::loading::load_step::LoadPlan;
use crate::values::value_event::ValueLeader;
use crate::values::value_key::ValueKey;

/// A load that runs, with everything that depends on its result.
pub(super) struct LoadRun<K, V> {
    pub(super) collection: Arc<Collection<K, V>>,
    pub(super) key: K,
    /// The encoded key.
    pub(super) text: Box<str>,
    pub(super) leader: Option<ValueLeader<V>>,
    pub(super) lease: Option<Lease>,
    /// The value that is served if the load fails.
    pub(super) stale: Option<StaleValue<V>>,
    pub(super) outcome: Outcome,
    pub(super) purpose: LoadPurpose,
    /// Whether the load took so long that its value is only for its caller.
    pub(super) is_late: bool,
    pub(super) scope: FillScope,
    clients: Clients,
}

/// A value that answers the request whose load ran.
pub(super) struct LoadedValue<V> {
    pub(super) cached: Arc<CachedValue<V>>,
    pub(super) outcome: Outcome,
}

/// The failure of the load of a request.
pub(super) struct LoadFailed {
    pub(super) error: SharedError,
    pub(super) outcome: Outcome,
}

/// The result of a load, for the request that ran it.
pub(super) type LoadResult<V> = Result<LoadedValue<V>, LoadFailed>;

/// The moment before a load, and the time that it took.
#[derive(Clone, Copy)]
pub(super) struct LoadTimes {
    /// The position before the load (rule 2).
    pub(super) position: Position,
    pub(super) filled_at: BootTime,
    /// When the load ended.
    pub(super) ended: WallTime,
    pub(super) cost: Duration,
}

/// The request that a load is for.
enum LoadClient<V> {
    /// The load runs in the future of the request.
    Caller,
    /// The load runs in a task of its own. The request waits for this channel, unless it was
    /// answered already.
    Task(Option<oneshot::Sender<LoadResult<V>>>),
}

/// An event that comes before the end of the load. All but one end the flight.
enum LoadStop {
    /// The load timeout has passed.
    TimedOut,
    /// The soft limit has passed. The load goes on.
    Slow,
    /// All requests have left.
    Abandoned,
}

impl<K: ValueKey, V: Send + Sync + 'static> LoadRun<K, V> {
    /// Creates a run for a request, within the fill of `outer`.
    pub(super) fn new(
        collection: &Arc<Collection<K, V>>,
        key: &K,
        text: Box<str>,
        plan: LoadPlan<V>,
        outer: Option<FillScope>,
    ) -> Self {
        let LoadPlan { leader, lease, stale, outcome } = plan;
        let flight = leader.as_ref().map(ValueLeader::flight);
        let clients = flight.map_or_else(Clients::for_one, |flight| Clients::for_flight(flight));
        let scope = FillScope::new(outer, flight.map(|flight| &flight.clients));
        scope.set_names(Names::of_value(&text, &[]));
        let mut run = Self {
            collection: Arc::clone(collection),
            key: key.clone(),
            text,
            leader,
            lease: None,
            stale,
            outcome,
            purpose: LoadPurpose::Answer,
            is_late: false,
            scope,
            clients,
        };
        run.set_lease(lease);
        run
    }

    /// Makes this the run of a refresh in the background, which has no request.
    pub(super) fn for_refresh(self) -> Self {
        Self { purpose: LoadPurpose::Refresh, clients: Clients::for_refresh(), ..self }
    }

    pub(super) fn set_lease(&mut self, lease: Option<Lease>) {
        if let Some(lease) = &lease {
            self.scope.set_lease(lease.id());
        }
        self.lease = lease;
    }

    pub(super) const fn has_leader(&self) -> bool {
        self.leader.is_some()
    }

    /// Returns when the load began, and the position in the log at that moment (rule 2).
    ///
    /// A load for a flight began with that flight. Another one begins now.
    pub(super) fn began(&self) -> (BootTime, Position) {
        let engine = &self.collection.engine;
        match self.leader.as_ref().map(ValueLeader::flight) {
            Some(flight) => (flight.began, flight.position),
            None => (engine.clock.boot(), engine.log.position()),
        }
    }

    /// Runs the load in the future of its caller, and ends with it.
    pub(super) async fn run_attached(
        self: Box<Self>,
        load: impl Future<Output = Result<Option<V>, SharedError>>,
    ) -> LoadResult<V> {
        match self.run(load, &mut LoadClient::Caller).await {
            Some(result) => result,
            // Only a load in a task can be abandoned.
            None => pending().await,
        }
    }

    /// Runs the load in a task of its own.
    ///
    /// If all requests leave, the task goes on, within the limits of [`Clients`].
    pub(super) async fn run_detached(
        self: Box<Self>,
        load: impl Future<Output = Result<Option<V>, SharedError>> + Send + 'static,
    ) -> LoadResult<V> {
        let _guard = self.clients.guard();
        let (sender, answer) = oneshot::channel();
        let engine = Arc::clone(&self.collection.engine);
        let task = async move {
            let mut client = LoadClient::Task(Some(sender));
            let result = self.run(load, &mut client).await;
            if let (Some(result), LoadClient::Task(Some(sender))) = (result, client) {
                let _ = sender.send(result);
            }
        };
        let task = engine.background.spawn(task.in_current_span());
        match answer.await {
            Ok(answer) => answer,
            // The task ended without an answer.
            Err(_) => {
                join_or_resume_panic(task).await;
                pending().await
            }
        }
    }

    /// Runs the load of a refresh.
    pub(super) async fn run_refresh(self, load: impl Future<Output = Result<Option<V>, SharedError>>) {
        let _ = Box::new(self).run(load, &mut LoadClient::Task(None)).await;
    }

    /// Runs the load, and acts on its result. Returns `None` if all requests have left before.
    async fn run(
        mut self: Box<Self>,
        load: impl Future<Output = Result<Option<V>, SharedError>>,
        client: &mut LoadClient<V>,
    ) -> Option<LoadResult<V>> {
        let clock = Arc::clone(&self.collection.engine.clock);
        let (filled_at, position) = self.began();
        let called = clock.boot();
        let load = self.scope.clone().scope(CatchPanic::new(load));
        let result = self.await_load(load, client).await?;
        let cost = clock.boot().saturating_since(called);
        Some((*self).end(result, LoadTimes { position, filled_at, ended: clock.wall(), cost }))
    }

    /// Waits for the load.
    ///
    /// Returns `None`, and cancels the load, if no request waits for it any more. If the time is
    /// up, the load goes on for its own request alone, as it would without the cache.
    async fn await_load<T>(
        &mut self,
        load: impl Future<Output = T>,
        client: &mut LoadClient<V>,
    ) -> Option<T> {
        let mut load = pin!(load);
        let deadline = Instant::now() + self.collection.options.load_timeout;
        let mut stale_at = self.stale_at(client);
        loop {
            let stop = tokio::select! {
                biased;
                result = &mut load => return Some(result),
                stop = self.stop(deadline, stale_at, client) => stop,
            };
            match stop {
                LoadStop::Slow => {
                    stale_at = None;
                    self.answer_with_stale(client);
                }
                LoadStop::TimedOut => {
                    self.give_up();
                    break;
                }
                LoadStop::Abandoned => {
                    self.collection.counters.store_decision(Err(NotStored::Abandoned));
                    return None;
                }
            }
        }
        match client {
            LoadClient::Caller => Some(load.await),
            LoadClient::Task(None) => None,
            LoadClient::Task(Some(sender)) => tokio::select! {
                biased;
                result = &mut load => Some(result),
                () = sender.closed() => None,
            },
        }
    }

    /// Waits for the next event before the end of the load.
    async fn stop(&self, deadline: Instant, stale_at: Option<Instant>, client: &LoadClient<V>) -> LoadStop {
        let at = |at: Option<Instant>| async move {
            match at {
                Some(at) => sleep_until(at).await,
                None => pending().await,
            }
        };
        // No other request waits for a load without a flight.
        let deadline = self.has_leader().then_some(deadline);
        let abandoned = async {
            match client {
                LoadClient::Caller => pending().await,
                LoadClient::Task(_) => {
                    self.clients.wait_abandoned(&self.collection.engine.background).await;
                }
            }
        };
        tokio::select! {
            biased;
            () = at(stale_at) => LoadStop::Slow,
            () = at(deadline) => LoadStop::TimedOut,
            () = abandoned => LoadStop::Abandoned,
        }
    }

    /// Returns when the request gets a stale value if the load has not ended.
    ///
    /// A load of the caller ends with the caller, so that one waits.
    fn stale_at(&self, client: &LoadClient<V>) -> Option<Instant> {
        let limit = self.collection.options.stale_after?;
        let may_apply = self.stale.is_some() && matches!(client, LoadClient::Task(Some(_)));
        may_apply.then(|| Instant::now() + limit)
    }

    /// Answers the request with the stale value, if it may be used on error at this moment.
    ///
    /// The load goes on without its request, as if that had left.
    fn answer_with_stale(&mut self, client: &mut LoadClient<V>) {
        let Some(stale) = self.stale.as_ref().filter(|stale| self.collection.may_serve_on_error(stale))
        else {
            return;
        };
        let LoadClient::Task(sender) = client else { return };
        let outcome = Outcome::Stale(stale.tier, StaleReason::SlowHandler);
        if let Some(sender) = sender.take() {
            let _ = sender.send(Ok(LoadedValue { cached: Arc::clone(&stale.cached), outcome }));
        }
        self.purpose = LoadPurpose::Refresh;
    }

    /// Ends the flight and the lease, so that followers retry.
    pub(super) fn give_up(&mut self) {
        self.collection.counters.store_decision(Err(NotStored::FillTimeout));
        self.is_late = true;
        self.leader = None;
        self.lease = None;
    }
}

/// The end of a load: its own result, or its panic.
pub(super) type LoadEnd<V> = Result<Result<Option<V>, SharedError>, Panic>;
