//! Requests for many values at once, with one load for all that are missing.
//!
//! A load must never wait for another one while others wait for it. So the values are divided: this
//! request loads those that no other request loads, and then waits for the others, one by one.

use std::collections::HashMap;
use std::future::Future;
use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;

use larder_core::join::join_all;
use larder_core::outcome::{BypassReason, MissReason, Outcome};
use quick_cache::DefaultHashBuilder;
use tokio::time::timeout;

use crate::engine::catch_panic::CatchPanic;
use crate::engine::fill_scope::FillScope;
use crate::engine::invalidate::follow_log::spawn_follower;
use crate::values::collection_state::Collection;
use crate::values::load_error::{Failure, SharedError};
use crate::values::loading::claim_many::{Claimed, claim_now};
use crate::values::loading::load_borrowed;
use crate::values::loading::load_run::{LoadRun, LoadTimes};
use crate::values::loading::load_step::LoadPlan;
use crate::values::shared_value::Missing;
use crate::values::value_address::{ValueAddress, push_address};
use crate::values::value_key::ValueKey;
use crate::values::value_lookup::ValueLookup;

/// The maximum number of keys that are claimed and loaded at once.
///
/// It bounds the exchanges with the shared store that are under way, and the length of a query.
const MAX_BATCH: usize = 1_024;

/// The assumed length of an address in bytes.
const USUAL_ADDRESS: usize = 32;

/// The answers so far, by key. `None` is an absence.
pub(in crate::values) type Answers<K, V> = HashMap<K, Option<Arc<V>>, DefaultHashBuilder>;

/// Loads the values with these keys. Keys that are not in the result have no value.
pub(in crate::values) trait LoadMany<K, V> {
    fn load(&mut self, keys: Vec<K>) -> impl Future<Output = Result<HashMap<K, V>, SharedError>>;
}

/// A request for many values.
pub(in crate::values) struct ManyRequest<'a, K, V, L> {
    pub(in crate::values) collection: &'a Arc<Collection<K, V>>,
    pub(in crate::values) is_own_error: fn(&SharedError) -> bool,
    pub(in crate::values) load: L,
    pub(in crate::values) answers: Answers<K, V>,
}

impl<K: ValueKey, V: Send + Sync + 'static, L: LoadMany<K, V>> ManyRequest<'_, K, V, L> {
    /// Answers these keys, each of which is there once, and not fresh in memory.
    pub(in crate::values) async fn run(mut self, keys: Vec<K>) -> Result<Answers<K, V>, Failure> {
        let engine = &self.collection.engine;
        if let Some(reason) = engine.value_bypass() {
            self.load_uncached(keys, reason).await?;
            return Ok(self.answers);
        }
        spawn_follower(engine);
        let mut addresses = String::with_capacity(keys.len() * USUAL_ADDRESS);
        let (mut missing, mut too_long) = (Vec::with_capacity(keys.len()), Vec::new());
        for key in keys {
            match push_address(&mut addresses, &self.collection.name, &key) {
                Some(place) => {
                    let (reason, seen) = (MissReason::NeverStored, None);
                    missing.push(Missing { key, place, reason, seen });
                }
                None => too_long.push(key),
            }
        }
        let mut missing = self.look_up(missing, &addresses).await.into_iter();
        let mut others = Vec::new();
        while !missing.as_slice().is_empty() {
            let claimed = self.claim(missing.by_ref().take(MAX_BATCH), &addresses).await;
            others.append(&mut self.load_claimed(claimed).await?);
        }
        self.load_uncached(too_long, BypassReason::KeyTooLong).await?;
        for key in others {
            self.wait_for(key).await?;
        }
        Ok(self.answers)
    }

    /// Looks the values up in both tiers. Returns those that are still missing.
    async fn look_up(&mut self, all: Vec<Missing<K>>, addresses: &str) -> Vec<Missing<K>> {
        let collection = self.collection;
        let mut missing = Vec::with_capacity(all.len());
        for mut one in all {
            match collection.look_in_memory(&one.key) {
                ValueLookup::Fresh(cached, tier) => {
                    collection.record_use(&cached, Outcome::Hit(tier));
                    self.answers.insert(one.key, cached.value.clone());
                }
                ValueLookup::Stale(stale) => {
                    one.reason = stale.reason;
                    missing.push(one);
                }
                ValueLookup::Miss(reason) => {
                    one.reason = reason;
                    missing.push(one);
                }
            }
        }
        let found = collection.look_in_store_many(&mut missing, addresses).await;
        let mut rest = Vec::with_capacity(missing.len());
        for (one, found) in missing.into_iter().zip(found) {
            match found {
                Some((cached, tier)) => {
                    collection.record_use(&cached, Outcome::Hit(tier));
                    self.answers.insert(one.key, cached.value.clone());
                }
                None => rest.push(one),
            }
        }
        rest
    }

    /// Claims the loads of all values at the same time, and waits for no other request.
    async fn claim(
        &mut self,
        missing: impl Iterator<Item = Missing<K>>,
        addresses: &str,
    ) -> Vec<(K, Claimed<V>)> {
        let scope = FillScope::current();
        let claims = missing.map(|one| {
            let address = ValueAddress::from_address(one.address(addresses));
            claim_now(self.collection, one, address, scope.clone())
        });
        join_all(claims).await
    }

    /// Loads what this request has claimed. Returns the keys that other requests load.
    async fn load_claimed(&mut self, claimed: Vec<(K, Claimed<V>)>) -> Result<Vec<K>, Failure> {
        let (mut plans, mut others) = (Vec::new(), Vec::new());
        for (key, claimed) in claimed {
            match claimed {
                Claimed::Found(cached, tier) => {
                    self.collection.record_use(&cached, Outcome::Hit(tier));
                    self.answers.insert(key, cached.value.clone());
                }
                Claimed::Granted(text, plan) => plans.push((key, text, plan)),
                Claimed::Elsewhere => others.push(key),
            }
        }
        if !plans.is_empty() {
            let batch = Batch::new(self.collection, plans);
            let load = self.load.load(batch.keys());
            let loaded = batch.run(load).await?;
            self.answers.extend(loaded);
        }
        Ok(others)
    }

    /// Loads values without the cache.
    async fn load_uncached(&mut self, keys: Vec<K>, reason: BypassReason) -> Result<(), Failure> {
        if keys.is_empty() {
            return Ok(());
        }
        for _ in &keys {
            self.collection.counters.record(Outcome::Bypass(reason));
        }
        let mut loaded = self.load.load(keys.clone()).await.map_err(Failure::own)?;
        for key in keys {
            let value = loaded.remove(&key).map(Arc::new);
            self.answers.insert(key, value);
        }
        Ok(())
    }

    /// Waits for a value that another request loads, and loads it if that one fails.
    async fn wait_for(&mut self, key: K) -> Result<(), Failure> {
        let own_load = &mut self.load;
        let load = async { Ok(own_load.load(vec![key.clone()]).await?.remove(&key)) };
        let value = load_borrowed(self.collection, &key, self.is_own_error, load).await?;
        self.answers.insert(key, value);
        Ok(())
    }
}

/// The loads of several values, which are one run of the user's function.
struct Batch<K, V> {
    runs: Vec<LoadRun<K, V>>,
    /// The scope of all of them: each is within the one before.
    scope: FillScope,
}

impl<K: ValueKey, V: Send + Sync + 'static> Batch<K, V> {
    fn new(collection: &Arc<Collection<K, V>>, plans: Vec<(K, Box<str>, LoadPlan<V>)>) -> Self {
        let mut scope = FillScope::current();
        let mut runs = Vec::with_capacity(plans.len());
        for (key, text, plan) in plans {
            let run = LoadRun::new(collection, &key, text, plan, scope);
            scope = Some(run.scope.clone());
            runs.push(run);
        }
        let scope = scope.unwrap_or_else(|| FillScope::new(None, None));
        Self { runs, scope }
    }

    fn keys(&self) -> Vec<K> {
        self.runs.iter().map(|run| run.key.clone()).collect()
    }

    /// Runs the load, and commits its values.
    async fn run(
        mut self,
        load: impl Future<Output = Result<HashMap<K, V>, SharedError>>,
    ) -> Result<Answers<K, V>, Failure> {
        let Some(collection) = self.runs.first().map(|run| Arc::clone(&run.collection)) else {
            return Ok(Answers::default());
        };
        let clock = &collection.engine.clock;
        // Before the load: a run that is given up forgets when it began.
        let began: Vec<_> = self.runs.iter().map(LoadRun::began).collect();
        let called = clock.boot();
        let mut load = pin!(self.scope.clone().scope(CatchPanic::new(load)));
        let loaded = match timeout(collection.options.load_timeout, &mut load).await {
            Ok(loaded) => loaded,
            Err(_) => {
                self.runs.iter_mut().for_each(LoadRun::give_up);
                load.await
            }
        };
        let (cost, ended) = (clock.boot().saturating_since(called), clock.wall());
        let mut values = match loaded {
            Ok(loaded) => loaded,
            Err(panic) => {
                // Followers elect another leader.
                drop(self);
                resume_unwind(panic)
            }
        };
        let (mut answers, mut failure) = (Answers::default(), None);
        for (run, (filled_at, position)) in self.runs.into_iter().zip(began) {
            let times = LoadTimes { position, filled_at, ended, cost };
            let end = match &mut values {
                Ok(values) => Ok(values.remove(&run.key)),
                Err(error) => Err(Arc::clone(error)),
            };
            let key = run.key.clone();
            match collection.answer_with(run.end(Ok(end), times)) {
                Ok(value) => drop(answers.insert(key, value)),
                Err(failed) => failure = Some(failed),
            }
        }
        failure.map_or(Ok(answers), Err)
    }
}
