//! The doctor does not wait without a limit, write, or burden a server.

use std::time::{Duration, Instant};

use larder_testing::{Proxy, RedisServer};

use crate::examination::{examine, good, program};

/// Returns the exit code and the errors.
async fn fails(url: &str, arguments: &[&str]) -> (i32, String) {
    let output = program(url, arguments).output().await.unwrap();
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_unreachable() {
    let server = good().start().await.unwrap();
    let proxy = Proxy::start(server.address()).unwrap();
    proxy.blackhole();
    let begun = Instant::now();
    for url in [server.url_at(proxy.address()), "redis://127.0.0.1:1".to_owned()] {
        let (code, errors) = fails(&url, &["doctor", "--timeout", "500ms"]).await;
        assert_eq!(code, 3, "{errors}");
    }
    server.pause().unwrap();
    let (code, errors) = fails(&server.url(), &["doctor", "--timeout", "500ms"]).await;
    assert_eq!(code, 3, "{errors}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    let server = good().password("right").start().await.unwrap();
    let (code, errors) = fails(&format!("redis://:hunter2@{}", server.address()), &["doctor"]).await;
    assert_eq!(code, 4, "{errors}");
    assert!(!errors.contains("hunter2"), "{errors}");
}

#[tokio::test]
async fn what_is_no_redis_url_is_a_usage_error() {
    for url in ["http://127.0.0.1:1", "redis-foo://127.0.0.1:1"] {
        let (code, errors) = fails("", &["doctor", url]).await;
        assert_eq!(code, 2, "{errors}");
    }
}

/// It leaves nothing, and calls nothing that takes long.
#[tokio::test]
async fn the_server_is_as_it_was() {
    let server = good().start().await.unwrap();
    server.command(&["SET", "session:1", "x"]).await.unwrap();
    server.command(&["CONFIG", "RESETSTAT"]).await.unwrap();
    let report = examine(&server.url(), &["--write-behind"]).await;
    assert_eq!(report.serious(), ["queue-not-durable"]);
    let keys = server.command(&["KEYS", "*"]).await.unwrap();
    assert_eq!(keys.as_array().unwrap().len(), 1, "{keys:?}");
    let stats = server.command(&["INFO", "commandstats"]).await.unwrap();
    let stats = stats.as_str().unwrap();
    let called = |name: &str| stats.lines().any(|line| line.starts_with(&format!("cmdstat_{name}:")));
    assert!(called("set") && called("unlink") && called("scan"));
    for forbidden in ["memory|doctor", "flushall", "config|set", "sort", "monitor", "del", "xadd", "hset"] {
        assert!(!called(forbidden), "{stats}");
    }
}

/// The scan ends after a number of keys, and says so.
#[tokio::test]
async fn a_large_keyspace_is_sampled() {
    let server = good().start().await.unwrap();
    let fill = "for i = 1, 40000 do redis.call('SET', 'other:' .. i, 1) end";
    server.command(&["EVAL", fill, "0"]).await.unwrap();
    let report = examine(&server.url(), &[]).await;
    let evidence = &report.finding("foreign-keys")["evidence"];
    assert_eq!(evidence["is_estimate"], true);
    let scanned = evidence["keys_scanned"].as_u64().unwrap();
    assert!((1..=20_000).contains(&scanned), "{scanned}");
    assert_eq!(evidence["foreign_keys"], 40_000);
}

#[tokio::test]
async fn humans_get_sentences_and_everything_that_was_checked() {
    let server = RedisServer::start().await.unwrap();
    let output = program(&server.url(), &["doctor"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = [
        "warning: redis-no-maxmemory",
        "  seen    used_memory_bytes ",
        "  remedy  Set `maxmemory`",
        "  type    redis-cli> CONFIG SET maxmemory ",
        "  see     https://docs.rs/larder-cli/",
        "CHECKED",
        "version",
        "Round trips",
    ];
    for part in expected {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let good = good().start().await.unwrap();
    let output = program(&good.url(), &["doctor"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Nothing found.") || text.contains("latency-high"), "{text}");
}
