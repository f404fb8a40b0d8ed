//! `larder tail`, `stats`, `instances`, `inspect` and `advise` over Redis.

use std::process::Stdio;

use serde_json::Value;

use super::site::{Site, eventually};
use crate::support::Program;

const KEY: &str = "u|http|shop.example|/products/1";

fn selectors(lines: &str) -> Vec<String> {
    let selector = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        line["selector"].as_str().unwrap().to_owned()
    };
    lines.lines().map(selector).collect()
}

#[tokio::test]
async fn tail_shows_each_invalidation_once() {
    let site = Site::new().await;
    let expected: Vec<String> = (0..300).map(|number| format!("t:{number}")).collect();
    let tags: Vec<String> = (0..300).map(|number| format!("--tag={number}")).collect();
    for some in tags.chunks(50) {
        let arguments: Vec<&str> = ["purge"].into_iter().chain(some.iter().map(String::as_str)).collect();
        assert_eq!(site.run(&arguments).await.code, 0);
    }
    let run = site.run(&["tail", "--since", "1h", "-n", "300", "--json"]).await;
    assert_eq!((run.code, selectors(&run.out)), (0, expected));

    let tail = site.program(&["tail", "-n", "2"]).stdout(Stdio::piped()).spawn().unwrap();
    waits_for_news(&site).await;
    assert_eq!(site.run(&["purge", "--tag", "a", "--soft"]).await.code, 0);
    assert_eq!(site.run(&["purge", "--uri", "/x"]).await.code, 0);
    let output = tokio::task::spawn_blocking(|| tail.wait_with_output().unwrap()).await.unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    assert!(lines.contains("tag    a  (soft)\n") && lines.contains("uri    /x\n"), "{lines}");
}

/// All entries come in one step, and are more than an answer of Redis has.
#[tokio::test]
async fn tail_skips_nothing_of_a_burst() {
    const COUNT: usize = 5_000;
    const BURST: &str = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', 'h', 't:' .. i) end";
    let site = Site::new().await;
    let count = COUNT.to_string();
    let tail = Program::new().env("REDIS_URL", site.redis.url()).line("tail --since 1h --json");
    let mut tail = tail.start();
    waits_for_news(&site).await;
    site.redis.command(&["EVAL", BURST, "1", "larder:{larder:log}:events", &count]).await.unwrap();
    for number in 1..=COUNT {
        let line = tail.line().await.unwrap();
        assert_eq!(selectors(&line), [format!("t:{number}")]);
    }
}

/// Waits until `tail` waits for the next entry of the log.
async fn waits_for_news(site: &Site) {
    eventually("it waits for news", async || {
        let clients = site.redis.command(&["CLIENT", "LIST"]).await.unwrap();
        clients.as_str().unwrap().contains("flags=b")
    })
    .await;
}

#[tokio::test]
async fn tail_ends_when_nobody_reads_it() {
    let site = Site::new().await;
    let mut tail = site.program(&["tail", "--since", "1h"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(tail.stdout.take());
    for tag in ["a", "b"] {
        assert_eq!(site.run(&["purge", "--tag", tag]).await.code, 0);
    }
    let status = tokio::task::spawn_blocking(move || tail.wait().unwrap()).await.unwrap();
    assert_eq!(status.code(), Some(0));
}

#[tokio::test]
async fn the_program_is_no_instance() {
    let site = Site::new().await;
    let run = site.run(&["instances"]).await;
    assert_eq!((run.code, &*run.out), (0, "no instance announces itself in this namespace\n"));
    let a = site.instance().await;
    eventually("the instance is listed", async || {
        site.json(&["instances"]).await["instances"].as_array().unwrap().len() == 1
    })
    .await;
    let run = site.run(&["instances"]).await;
    assert!(run.out.contains(&a.cache.instance_id().to_string()), "{run:?}");
    let stats = site.json(&["stats"]).await;
    assert_eq!(stats["instances"], serde_json::json!({ "following": 1 }));
    assert!(stats["store"]["memory_used"].as_u64().is_some_and(|bytes| bytes > 0), "{stats}");
    let run = site.run(&["stats"]).await;
    assert!(run.out.contains("admin URL") && run.out.contains("1 following"), "{run:?}");
}

#[tokio::test]
async fn inspect_shows_what_redis_has_and_what_the_log_says() {
    let site = Site::new().await;
    let a = site.instance().await;
    a.answers("/products/1", "HIT", 1).await;
    let inspect = async || site.run(&["inspect", KEY]).await;
    eventually("it is in Redis", async || inspect().await.code == 0).await;
    let run = inspect().await;
    for part in ["200 /products/1", "fresh", "product:1", "position: "] {
        assert!(run.out.contains(part), "{part}: {run:?}");
    }
    assert_eq!(site.run(&["purge", "--tag", "product:1"]).await.code, 0);
    let run = inspect().await;
    assert!(run.out.contains("invalidated by: tag product:1 at "), "{run:?}");
    let found = site.json(&["inspect", KEY]).await;
    assert_eq!(found["responses"][0]["state"], "invalidated");
    assert_eq!(site.run(&["inspect", "k|nothing"]).await.code, 1);
    assert_eq!(site.run(&["inspect", "u|http|a|/b|p|^#1f3a9c02"]).await.code, 2);
    let other_schema = site.run(&["inspect", KEY, "--schema", "2"]).await;
    assert_eq!(other_schema.code, 1, "{other_schema:?}");
}

#[tokio::test]
async fn advise_finds_a_redis_without_a_limit() {
    let site = Site::new().await;
    let run = site.run(&["advise"]).await;
    assert_eq!(run.code, 1, "{run:?}");
    assert!(run.out.contains("redis: redis no maxmemory"), "{run:?}");
    assert_eq!(site.json(&["advise"]).await[0]["kind"], "redis-no-maxmemory");
}
