//! A database that counts its loads, and caches with a clock that the test turns.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::values::{ValueStats, Values, ValuesBuilder};
use larder::{Cache, CacheBuilder};
use larder_testing::{Gate, ManualClock, MemoryStore};
use tokio::task::JoinHandle;

pub(crate) use larder_tests::http::soon;

/// The lifetime of the values in these tests.
pub(crate) const TTL: Duration = Duration::from_secs(100);

/// A table of names by id, which counts how often it is asked.
#[derive(Clone, Default)]
pub(crate) struct Database(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rows: Mutex<HashMap<u64, String>>,
    loads: AtomicUsize,
    gate: Mutex<Option<Gate>>,
    error: Mutex<Option<&'static str>>,
}

impl Database {
    /// Creates a table with one row.
    pub(crate) fn with(id: u64, name: &str) -> Self {
        let database = Self::default();
        database.set(id, name);
        database
    }

    pub(crate) fn set(&self, id: u64, name: &str) {
        self.0.rows.lock().unwrap().insert(id, name.to_owned());
    }

    /// Makes each load fail with this error, or succeed again.
    pub(crate) fn fail(&self, error: Option<&'static str>) {
        *self.0.error.lock().unwrap() = error;
    }

    /// Holds each load that begins from now on, after it has read the table.
    pub(crate) fn hold(&self) -> Gate {
        let gate = Gate::new();
        *self.0.gate.lock().unwrap() = Some(gate.clone());
        gate
    }

    /// Lets loads that begin from now on end at once.
    pub(crate) fn release(&self) {
        *self.0.gate.lock().unwrap() = None;
    }

    /// Loads a row.
    pub(crate) async fn load(&self, id: u64) -> io::Result<Option<String>> {
        self.0.loads.fetch_add(1, Ordering::SeqCst);
        let row = self.0.rows.lock().unwrap().get(&id).cloned();
        let gate = self.0.gate.lock().unwrap().clone();
        if let Some(gate) = gate {
            gate.pass().await;
        }
        match *self.0.error.lock().unwrap() {
            Some(error) => Err(io::Error::other(error)),
            None => Ok(row),
        }
    }

    /// Returns how often a row was loaded.
    pub(crate) fn loads(&self) -> usize {
        self.0.loads.load(Ordering::SeqCst)
    }
}

pub(crate) type Names = Values<u64, String>;

/// Returns a cache in memory, with this clock.
pub(crate) fn cache(clock: &ManualClock) -> Cache {
    Cache::builder().clock(clock.clone()).build()
}

/// Returns a cache over a store in the memory of the test, once it has read the log.
pub(crate) async fn over(store: &MemoryStore) -> Cache {
    ready(Cache::builder().shared_store(store.clone())).await
}

/// Builds a cache, and waits until it uses its store.
pub(crate) async fn ready(builder: CacheBuilder) -> Cache {
    let cache = builder.build();
    cache.ready(Duration::from_secs(20)).await.unwrap();
    cache
}

/// Returns a collection of names with the usual options.
pub(crate) fn builder(cache: &Cache) -> ValuesBuilder<u64, String> {
    cache.values("name").ttl(TTL).jitter(0.0).tags(|id, name: Option<&String>| {
        let initial = name.and_then(|name| name.chars().next()).map(|first| format!("initial:{first}"));
        initial.into_iter().chain([format!("name:{id}")])
    })
}

pub(crate) fn names(cache: &Cache) -> Names {
    builder(cache).build().unwrap()
}

/// Gets a name, and loads it from the database if it is not cached.
pub(crate) async fn get(names: &Names, database: &Database, id: u64) -> Option<String> {
    names.get_or_load(&id, || database.load(id)).await.unwrap().map(|name| (*name).clone())
}

/// Gets a name like [`get`], in a task of its own.
pub(crate) fn spawn_get(names: &Names, database: &Database, id: u64) -> JoinHandle<Option<String>> {
    let (names, database) = (names.clone(), database.clone());
    tokio::spawn(async move { get(&names, &database, id).await })
}

/// Waits until the collection uses its store: a key that is not stored is a miss for that reason.
#[cfg(unix)]
pub(crate) async fn joins(names: &Names) {
    let absent = || names.stats().misses.get("never-stored").copied().unwrap_or_default();
    larder_tests::redis::eventually("the instance has joined", async || {
        let before = absent();
        let _ = names.get(&fastrand::u64(1 << 32..)).await;
        absent() > before
    })
    .await;
}

/// Returns how often Redis has executed a command.
#[cfg(unix)]
pub(crate) async fn calls(redis: &larder_testing::RedisServer, command: &str) -> u64 {
    let stats = redis.command(&["INFO", "commandstats"]).await.unwrap();
    let (stats, head) = (stats.as_str().unwrap().to_owned(), format!("cmdstat_{command}:calls="));
    let count = stats.lines().find_map(|line| line.strip_prefix(&head)?.split(',').next()?.parse().ok());
    count.unwrap_or_default()
}

/// Returns the misses by reason, as text.
pub(crate) fn misses(stats: &ValueStats) -> String {
    stats.misses.iter().map(|(reason, count)| format!("{reason} {count}")).collect::<Vec<_>>().join(", ")
}

/// Runs other tasks until they all wait.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
