//! Memory, eviction and persistence.

use larder_testing::RedisServer;

use crate::examination::{examine, found_and_cured, good};

const QUEUE: [&str; 4] = ["HSET", "larder:{larder:queue:stock}:setup", "partitions", "4"];

#[tokio::test]
async fn a_server_without_a_bound_on_its_memory() {
    let server = RedisServer::start().await.unwrap();
    let report = found_and_cured(&server, &[], &["redis-no-maxmemory"]).await;
    let finding = report.finding("redis-no-maxmemory");
    assert!(finding["evidence"]["used_memory_bytes"].as_u64().unwrap() > 100_000, "{finding}");
    let link = "https://docs.rs/larder-cli/latest/larder_cli/findings/index.html#redis-no-maxmemory";
    assert_eq!(finding["link"], link);
}

#[tokio::test]
async fn a_server_that_evicts_nothing() {
    let server = good().config("maxmemory-policy noeviction").start().await.unwrap();
    found_and_cured(&server, &[], &["redis-evicts-nothing"]).await;
}

#[tokio::test]
async fn a_server_that_evicts_at_random() {
    let server = good().config("maxmemory-policy allkeys-random").start().await.unwrap();
    found_and_cured(&server, &[], &["redis-evicts-everything"]).await;
}

#[tokio::test]
async fn a_server_that_would_evict_keys_of_other_applications() {
    let server = good().config("maxmemory-policy allkeys-lru").start().await.unwrap();
    for number in 0..20 {
        server.command(&["SET", &format!("session:{number}"), "x"]).await.unwrap();
    }
    let expected = ["foreign-keys-evictable", "redis-evicts-everything"];
    let report = found_and_cured(&server, &[], &expected).await;
    let evidence = &report.finding("foreign-keys-evictable")["evidence"];
    assert_eq!((&evidence["foreign_keys"], &evidence["without_expiry"]), (&20.into(), &20.into()));
    // The keys are still there.
    assert_eq!(examine(&server.url(), &[]).await.names(), ["foreign-keys"]);
}

#[tokio::test]
async fn a_server_that_is_full() {
    let server = good().config("maxmemory-policy noeviction").start().await.unwrap();
    let value = "x".repeat(64 * 1024);
    for number in 0..40 {
        server
            .command(&["SET", &format!("larder:larder:v1:{{{number}}}"), &value, "EX", "600"])
            .await
            .unwrap();
    }
    server.command(&["CONFIG", "SET", "maxmemory", "2mb"]).await.unwrap();
    let expected = ["memory-full", "redis-evicts-nothing", "redis-too-small"];
    let report = found_and_cured(&server, &[], &expected).await;
    assert_eq!(report.finding("memory-full")["severity"], "error");
}

#[tokio::test]
async fn a_write_queue_without_an_append_only_file() {
    let server = good().start().await.unwrap();
    assert_eq!(examine(&server.url(), &[]).await.serious(), [""; 0]);
    server.command(&QUEUE).await.unwrap();
    found_and_cured(&server, &[], &["queue-not-durable"]).await;
}

#[tokio::test]
async fn a_write_queue_that_is_never_forced_to_the_disk() {
    let server = good().config("appendonly yes").config("appendfsync no").start().await.unwrap();
    server.command(&QUEUE).await.unwrap();
    found_and_cured(&server, &[], &["queue-not-durable"]).await;
}

#[tokio::test]
async fn a_write_queue_may_be_announced() {
    let server = good().start().await.unwrap();
    found_and_cured(&server, &["--write-behind"], &["queue-not-durable"]).await;
}

#[tokio::test]
async fn a_queue_of_another_namespace_is_none() {
    let server = good().start().await.unwrap();
    server.command(&QUEUE).await.unwrap();
    assert_eq!(examine(&server.url(), &["--namespace", "shop"]).await.serious(), [""; 0]);
}
