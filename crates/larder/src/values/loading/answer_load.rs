//! Answering a request, with a load if it has to be.

use std::future::Future;
use std::sync::Arc;

use larder_core::outcome::{Outcome, StaleReason, Tier};

use crate::engine::coalesce::reruns::RerunPermit;
use crate::engine::coalesce::wait_limits::rerun_wait;
use crate::values::collection_state::Collection;
use crate::values::load_error::{Failure, LoadErrorKind, SharedError};
use crate::values::loading::Loading;
use crate::values::loading::load_run::{LoadResult, LoadRun, LoadedValue};
use crate::values::loading::load_step::{LoadEnding, LoadPlan, Served};
use crate::values::loading::look_up_value::{LookedUp, MissingValue, look_up};
use crate::values::loading::refresh_value::spawn_refresh;
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The answer to a request: a value, an absence, or the failure of a load.
pub(in crate::values) type LoadAnswer<V> = Result<Option<Arc<V>>, Failure>;

/// Returns a value, and loads it with the caller's load if it has to be.
///
/// The load runs in the future of its caller, and ends with it.
pub(in crate::values) async fn load_borrowed<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    is_own_error: fn(&SharedError) -> bool,
    load: impl Future<Output = Result<Option<V>, SharedError>>,
) -> LoadAnswer<V> {
    let missing = match look_up(collection, key, is_own_error).await {
        LookedUp::Found(value) => return Ok(value),
        LookedUp::Bypass => return bypassed(load.await),
        LookedUp::Missing(missing) => missing,
    };
    // Boxed, so that the future of a hit in the shared tier stays small.
    let answer = async {
        match prepare(collection, key, is_own_error, missing).await {
            Prepared::Answer(answer) => answer,
            Prepared::Load(run, permit) => {
                let result = run.run_attached(load).await;
                drop(permit);
                collection.answer_with(result)
            }
        }
    };
    Box::pin(answer).await
}

/// Returns a value, and loads it with the collection's loader if it has to be.
///
/// A load that others may wait for runs in a task of its own, and goes on if its caller leaves.
pub(in crate::values) async fn load_with_loader<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    is_own_error: fn(&SharedError) -> bool,
    load: impl Future<Output = Result<Option<V>, SharedError>> + Send + 'static,
) -> LoadAnswer<V> {
    let missing = match look_up(collection, key, is_own_error).await {
        LookedUp::Found(value) => return Ok(value),
        LookedUp::Bypass => return bypassed(load.await),
        LookedUp::Missing(missing) => missing,
    };
    let answer = async {
        match prepare(collection, key, is_own_error, missing).await {
            Prepared::Answer(answer) => answer,
            Prepared::Load(run, permit) => {
                let result = match run.has_leader() {
                    true => run.run_detached(load).await,
                    false => run.run_attached(load).await,
                };
                drop(permit);
                collection.answer_with(result)
            }
        }
    };
    Box::pin(answer).await
}

/// The rest of the work for a request.
enum Prepared<K, V> {
    /// Nothing.
    Answer(LoadAnswer<V>),
    /// Run this load, and hold the permit meanwhile.
    Load(Box<LoadRun<K, V>>, Option<RerunPermit>),
}

/// Waits for other requests until there is an answer or a load to run.
async fn prepare<K: ValueKey, V: Send + Sync + 'static>(
    collection: &Arc<Collection<K, V>>,
    key: &K,
    is_own_error: fn(&SharedError) -> bool,
    missing: MissingValue<V>,
) -> Prepared<K, V> {
    let engine = &collection.engine;
    let MissingValue { request, lookup, seen } = missing;
    let mut loading = Loading::new(collection, key, request, seen, is_own_error);
    let ending = loading.run(lookup).await;
    let mut permit = None;
    let plan = match ending {
        LoadEnding::Serve(served) => return Prepared::Answer(Ok(loading.serve(&served))),
        LoadEnding::Refresh(stale) => {
            spawn_refresh(collection, key, stale.clone());
            let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
            let served = Served { cached: stale.cached, outcome, is_collapsed: false };
            return Prepared::Answer(Ok(loading.serve(&served)));
        }
        LoadEnding::Fail(failure, reason) => {
            collection.record_miss(reason);
            if failure.kind == LoadErrorKind::Shared {
                collection.counters.collapsed();
            }
            return Prepared::Answer(Err(failure));
        }
        LoadEnding::Load(plan) => plan,
        LoadEnding::Rerun(reason) => {
            let deadline = loading.deadline + rerun_wait(collection.options.load_timeout);
            permit = Some(
                engine
                    .reruns
                    .wait_for_permit(loading.flight_key(), collection.options.max_reruns, deadline)
                    .await,
            );
            // Another request may have stored the value meanwhile.
            if let ValueLookup::Fresh(cached, tier) = collection.look_in_memory(key) {
                let served = Served { cached, outcome: Outcome::Hit(tier), is_collapsed: false };
                return Prepared::Answer(Ok(loading.serve(&served)));
            }
            LoadPlan::alone(None, Outcome::Miss(reason))
        }
    };
    let text = loading.text().into();
    let run = LoadRun::new(collection, key, text, plan, loading.scope);
    Prepared::Load(Box::new(run), permit)
}

/// Returns the result of a load that the cache has nothing to do with.
fn bypassed<V>(loaded: Result<Option<V>, SharedError>) -> LoadAnswer<V> {
    match loaded {
        Ok(value) => Ok(value.map(Arc::new)),
        Err(error) => Err(Failure::own(error)),
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Loading<'_, K, V> {
    /// Serves a value that needed no load of this request, and refreshes it early if that is due.
    fn serve(&self, served: &Served<V>) -> Option<Arc<V>> {
        let Served { cached, outcome, is_collapsed } = served;
        if *is_collapsed {
            self.collection.counters.collapsed();
        }
        self.collection.record_use(cached, *outcome);
        if matches!(outcome, Outcome::Hit(Tier::Shared)) {
            self.collection.refresh_early(self.key, cached, self.collection.engine.clock.boot());
        }
        cached.value.clone()
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Answers a request with the result of its own load.
    pub(super) fn answer_with(&self, result: LoadResult<V>) -> LoadAnswer<V> {
        match result {
            Ok(LoadedValue { cached, outcome }) => {
                self.record_use(&cached, outcome);
                Ok(cached.value.clone())
            }
            Err(failed) => {
                self.counters.record(failed.outcome);
                Err(Failure::own(failed.error))
            }
        }
    }
}
