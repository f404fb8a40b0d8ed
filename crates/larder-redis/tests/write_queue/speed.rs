//! The cost of the scripts. These tests print, and fail only if a script does.
//!
//! `cargo test --release -p larder-redis --test write_queue -- --ignored --nocapture`

use std::time::Instant;

use bytes::Bytes;
use fred::interfaces::ClientLike;
use fred::types::config::Config;
use fred::types::{Builder, ClusterHash, CustomCommand, Value};
use larder_core::write_queue::{PushWrite, QueuedWrite, ReadRequest, WriteId, WritePayload, WriteQueue};
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::task::JoinSet;

use crate::helpers::{HOUR, PARTITION, READER, all, push, read, refs, value, write};
use crate::support::store;

const WRITES: u64 = 20_000;
const TASKS: u64 = 64;

/// Returns the time that the server spent on each call of a command, in microseconds.
async fn cost(server: &RedisServer, command: &str) -> f64 {
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let text = stats.as_str().unwrap().to_owned();
    let prefix = format!("cmdstat_{command}:");
    let line = text.lines().find(|line| line.starts_with(&prefix)).unwrap();
    line.split(',').find_map(|part| part.strip_prefix("usec_per_call=")).unwrap().parse().unwrap()
}

async fn reset(server: &RedisServer) {
    server.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
}

/// Returns a random id, whose last byte has no pattern.
fn id(number: u64) -> WriteId {
    let mixed = u128::from(number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    WriteId::from_bytes((mixed ^ (mixed >> 64)).to_be_bytes())
}

/// Runs as many tasks as a busy service has, and returns the number of calls in a second.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    call: impl Fn(u64) -> F + Clone + Send + 'static,
) -> f64 {
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let call = call.clone();
        tasks.spawn(async move {
            for number in 0..WRITES / TASKS {
                call(number * TASKS + task).await;
            }
        });
    }
    tasks.join_all().await;
    WRITES as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn rate_of_pushes() {
    for persistence in ["appendonly no", "appendonly yes"] {
        let server =
            RedisServer::builder().config(persistence).config("appendfsync always").start().await.unwrap();
        let store = store(&server).await;
        push(&store, "warm", value("up")).await;
        let client = Builder::from_config(Config::from_url(&server.url()).unwrap()).build().unwrap();
        client.init().await.unwrap();
        let payload = Bytes::from(vec![b'x'; 1024]);
        for round in 0..3 {
            let (bare, bytes) = (client.clone(), payload.clone());
            let bare = rate(move |number| {
                let (client, bytes) = (bare.clone(), bytes.clone());
                async move {
                    let fields = ["bare", "*", "k", &format!("key{number}"), "v"].map(Value::from);
                    let arguments = fields.into_iter().chain([Value::Bytes(bytes)]).collect::<Vec<_>>();
                    let command = CustomCommand::new_static("XADD", ClusterHash::FirstKey, false);
                    client.custom::<Value, _>(command, arguments).await.unwrap();
                }
            })
            .await;
            let (queue, bytes) = (store.clone(), payload.clone());
            let pushes = rate(move |number| {
                let (queue, bytes) = (queue.clone(), bytes.clone());
                async move {
                    let key = format!("key{round}-{number}");
                    let id = id(number + round * WRITES);
                    let payload = WritePayload::Value(bytes);
                    queue.push(PushWrite { id, ..write(&key, payload) }).await.unwrap();
                }
            })
            .await;
            println!("{persistence}: {bare:.0} XADD/s, {pushes:.0} pushes/s, {:.2}", pushes / bare);
        }
        client.quit().await.unwrap();
    }
}

#[tokio::test]
#[ignore = "a measurement"]
async fn cost_of_the_scripts() {
    let server = RedisServer::start().await.unwrap();
    let store = store(&server).await;
    push(&store, "warm", value("up")).await;
    let text = "x".repeat(1024);
    reset(&server).await;
    for number in 0..2000 {
        server.command(&["XADD", "bare", "*", "k", &format!("key{number}"), "v", &text]).await.unwrap();
    }
    println!("XADD of 1 KiB: {:.2} us", cost(&server, "xadd").await);
    for (round, what) in ["new key", "known key"].into_iter().enumerate() {
        reset(&server).await;
        for number in 0..WRITES {
            let key = format!("key{number}");
            let id = id(number + WRITES * round as u64);
            store.push(PushWrite { id, ..write(&key, value(&text)) }).await.unwrap();
        }
        println!("push of 1 KiB, {what}: {:.2} us", cost(&server, "evalsha").await);
    }
    let keys: Vec<String> = (0..100).map(|number| format!("key{number}")).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    for some in [&keys[..], &["none"]] {
        reset(&server).await;
        for _ in 0..100 {
            store.pending(PARTITION, some).await.unwrap();
        }
        println!("pending, {} keys: {:.2} us", some.len(), cost(&server, "evalsha").await);
    }
    reset(&server).await;
    let (writes, calls) = read_in_parts(&store).await;
    let each = cost(&server, "evalsha").await * f64::from(calls) / writes.len() as f64;
    println!("read, for each of 500 writes of 1 KiB: {each:.2} us");
    reset(&server).await;
    for part in writes[..10_000].chunks(500) {
        store.complete(PARTITION, &refs(part)).await.unwrap();
    }
    println!("complete, for each of 500 writes: {:.2} us", cost(&server, "evalsha").await / 500.0);
}

/// Returns all writes, and the number of reads.
async fn read_in_parts(store: &RedisStore) -> (Vec<QueuedWrite>, u32) {
    assert!(store.claim_reader(PARTITION, READER, HOUR).await.unwrap());
    let (mut after, mut writes, mut calls) = (None, Vec::new(), 0);
    loop {
        let batch = read(store, ReadRequest { after, max_entries: 500, ..all() }).await;
        calls += 1;
        writes.extend(batch.writes);
        after = batch.last_place;
        if !batch.has_more {
            return (writes, calls);
        }
    }
}
