//! `get` and `set` of the store, in the way in which a cache uses it.

use std::sync::Arc;
use std::time::Duration;

use larder_core::store::SharedTier;
use larder_core::stored::wire;
use larder_redis::RedisStore;
use tokio::time::sleep;

use crate::bench::bench_report::Row;
use crate::bench::load_loop::{Until, run};
use crate::bench::plan::Plan;
use crate::cli_error::CliError;
use crate::scratch::{EXPIRY, Shape, StoredKey, stored_key};
use crate::target::RedisTarget;

const MAX_ATTEMPTS: usize = 100;
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

pub(super) fn open(target: &RedisTarget, limit: Duration) -> Result<RedisStore, CliError> {
    target.store_builder(limit).connect().map_err(|error| CliError::usage(error.to_string()))
}

/// The keys, and the shape of what they have.
struct Entries {
    store: RedisStore,
    keys: Vec<StoredKey>,
    shape: Shape,
}

pub(super) async fn measure(store: &RedisStore, plan: &Plan) -> Result<Vec<Row>, CliError> {
    let body = usize::try_from(plan.bytes).map_err(|error| CliError::usage(error.to_string()))?;
    let keys = (0..plan.keys).map(stored_key).collect();
    let entries = Arc::new(Entries { store: store.clone(), keys, shape: Shape { body, tags: 1 } });
    entries.connect().await?;
    let tasks = usize::try_from(plan.tasks).unwrap_or(1);
    let set = |entries: &Arc<Entries>| {
        let entries = Arc::clone(entries);
        move |index: u64| {
            let entries = Arc::clone(&entries);
            async move { entries.set(index).await }
        }
    };
    let get = |entries: &Arc<Entries>| {
        let entries = Arc::clone(entries);
        move |index: u64| {
            let entries = Arc::clone(&entries);
            async move { entries.get(index).await }
        }
    };
    let sets = || (0..tasks).map(|_| set(&entries)).collect();
    let gets = (0..tasks).map(|_| get(&entries)).collect();
    run(sets(), plan.keys, &Until::each_key_once(Duration::from_secs(30), plan.keys)).await?;
    let got = run(gets, plan.keys, &Until::time(plan.time)).await?;
    let stored = run(sets(), plan.keys, &Until::time(plan.time)).await?;
    Ok(vec![Row::new("shared tier", "get", None, &got), Row::new("shared tier", "set", None, &stored)])
}

impl Entries {
    /// Waits until the store has connected.
    async fn connect(&self) -> Result<(), CliError> {
        let mut last = None;
        for _ in 0..MAX_ATTEMPTS {
            match self.store.get("{bench}").await {
                Ok(_) => return Ok(()),
                Err(error) => last = Some(error),
            }
            sleep(BETWEEN_ATTEMPTS).await;
        }
        let why = last.map(|error| error.to_string()).unwrap_or_default();
        Err(CliError::unreachable(format!("the store cannot use the server: {why}")))
    }

    fn key(&self, index: u64) -> Option<&StoredKey> {
        self.keys.get(usize::try_from(index).ok()?)
    }

    async fn get(&self, index: u64) -> bool {
        let Some(key) = self.key(index) else { return false };
        match self.store.get(&key.address).await {
            Ok(Some(value)) => wire::decode(value, &key.key).is_ok(),
            _ => false,
        }
    }

    async fn set(&self, index: u64) -> bool {
        let Some(key) = self.key(index) else { return false };
        self.store.set(&key.address, self.shape.encode(key), EXPIRY).await.is_ok()
    }
}
