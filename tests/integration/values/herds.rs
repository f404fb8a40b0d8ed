//! Many calls at once for one value, over a real Redis.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::Cache;
use larder::values::{Codec, CodecError, Json};
use larder_redis::RedisStore;
use larder_testing::{RedisServer, Reply};
use larder_tests::redis::eventually;
use tokio::task::JoinSet;

use crate::support::{Database, Names, builder, get, joins, names, ready, settle, soon};

/// Longer than any of these tests takes on a busy machine.
const LONG: Duration = Duration::from_secs(60);

async fn instance(redis: &RedisServer) -> Cache {
    let store = RedisStore::builder(&redis.url()).command_timeout(Duration::from_secs(10));
    let cache = Cache::builder().shared_store(store.connect().unwrap()).max_staleness(LONG);
    let cache = ready(cache.invalidation_timeout(Duration::from_secs(10))).await;
    joins(&cache.values("probe").build().unwrap()).await;
    cache
}

fn herd(names: &Names, database: &Database, number: usize) -> JoinSet<Option<String>> {
    let mut herd = JoinSet::new();
    for _ in 0..number {
        let (names, database) = (names.clone(), database.clone());
        herd.spawn(async move { get(&names, &database, 1).await });
    }
    herd
}

/// Returns how many commands have read the value of the key 1.
///
/// The slow log has all commands with their keys. The statistics of commands have no keys, and
/// count those that the polls of the log run.
async fn reads(redis: &RedisServer) -> usize {
    let log = redis.command(&["SLOWLOG", "GET", "-1"]).await.unwrap();
    let is_read = |entry: &Reply| {
        let words = entry.as_array().and_then(|entry| entry.get(3)?.as_array());
        let words: Vec<_> = words.into_iter().flatten().filter_map(|word| word.as_str()).collect();
        words.first().is_some_and(|name| ["GET", "MGET"].contains(name))
            && words.iter().any(|word| word.ends_with("{v|name|1}"))
    };
    log.as_array().unwrap().iter().filter(|entry| is_read(entry)).count()
}

async fn log_all_commands(redis: &RedisServer) {
    redis.command(&["CONFIG", "SET", "slowlog-log-slower-than", "0"]).await.unwrap();
    redis.command(&["CONFIG", "SET", "slowlog-max-len", "10000"]).await.unwrap();
}

/// JSON, with a count of the values that were decoded.
#[derive(Clone, Default)]
struct CountingCodec(Arc<AtomicUsize>);

impl Codec<String> for CountingCodec {
    const FORMAT: u8 = 64;

    fn encode(&self, value: &String) -> Result<Vec<u8>, CodecError> {
        Codec::encode(&Json, value)
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, CodecError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Codec::decode(&Json, bytes)
    }
}

/// A hit in Redis needs no flight. Calls of one moment still share the exchange and the value, even
/// if memory stores nothing.
#[tokio::test]
async fn a_herd_for_a_value_in_redis_is_one_read() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let codec = CountingCodec::default();
    let with_codec = |cache: &Cache| builder(cache).codec(codec.clone()).max_memory_bytes(0).build().unwrap();
    let (a, b) = (with_codec(&instance(&redis).await), with_codec(&instance(&redis).await));
    get(&a, &database, 1).await;
    eventually("it is shared", async || b.get(&1).await.is_cached()).await;
    log_all_commands(&redis).await;
    let (before, decoded) = (reads(&redis).await, codec.0.load(Ordering::SeqCst));
    redis.pause().unwrap();
    let herd = herd(&b, &database, 500);
    settle().await;
    redis.resume().unwrap();
    let answers = soon("all answers", herd.join_all()).await;
    assert!(answers.iter().all(|answer| answer.as_deref() == Some("Ada")));
    assert_eq!(reads(&redis).await, before + 1);
    assert_eq!(codec.0.load(Ordering::SeqCst), decoded + 1);
    assert_eq!((database.loads(), b.stats().hits_shared), (1, 501));
}

/// One of them looks in Redis, once. While it loads the value, the others do not ask.
#[tokio::test]
async fn a_herd_for_a_cold_key_is_one_read_and_one_load() {
    let (redis, database) = (RedisServer::start().await.unwrap(), Database::with(1, "Ada"));
    let names = names(&instance(&redis).await);
    log_all_commands(&redis).await;
    let (before, gate) = (reads(&redis).await, database.hold());
    let first = herd(&names, &database, 5_000);
    soon("the load begins", gate.arrived(1)).await;
    let second = herd(&names, &database, 5_000);
    settle().await;
    assert_eq!(reads(&redis).await, before + 1);
    gate.open();
    let answers = soon("all answers", async { [first.join_all().await, second.join_all().await] }).await;
    assert!(answers.iter().flatten().all(|answer| answer.as_deref() == Some("Ada")));
    assert_eq!(database.loads(), 1);
}
