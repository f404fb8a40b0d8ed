//! Tests of `PURGE`.

use std::time::Duration;

use crate::support::{Origin, Running, field, status};

const TOKEN: &str = "0123456789abcdef";
const BEARER: &str = "Authorization: Bearer 0123456789abcdef";
const APPLIED: &str = r#"{"status":"ok","outcome":"applied"}"#;

/// Starts an origin whose responses have the tags `all` and the one of their path.
async fn tagged() -> Origin {
    Origin::answering(|mut wire, head| async move {
        let path = head.split(' ').nth(1).unwrap().to_owned();
        let tag = path.trim_start_matches('/');
        wire.write(&format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSurrogate-Key: all {tag}\r\nCache-Tag: {tag} 2\r\n\
             ETag: \"1\"\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"
        ))
        .await;
    })
    .await
}

async fn x_cache(proxy: &Running, path: &str) -> String {
    let response = proxy.ask(&format!("GET {path}"), &["Host: x"]).await;
    field(&response, "x-cache").join(", ")
}

#[tokio::test]
async fn a_purge_needs_the_token_and_never_reaches_the_origin() {
    let origin = tagged().await;
    for (arguments, fields, expected) in [
        (&[][..], &[][..], "403"),
        (&[], &[BEARER], "403"),
        (&["--purge-token", TOKEN], &[], "401"),
        (&["--purge-token", TOKEN], &["Authorization: Bearer 0123456789abcdeF"], "401"),
        (&["--purge-token", TOKEN], &["Authorization: Basic 0123456789abcdef"], "401"),
        (&["--purge-token", TOKEN], &[BEARER, BEARER], "401"),
        (&["--purge-token", TOKEN], &[BEARER, "Cache-Tag: a"], "400"),
        (&["--purge-token", TOKEN, "--tags-from", "cache-tag"], &[BEARER, "Cache-Tag: ,"], "400"),
        (&["--purge-token", TOKEN], &[BEARER], "200"),
    ] {
        let before = origin.heads().len();
        let proxy = Running::before(&origin, arguments).await;
        assert_eq!(x_cache(&proxy, "/a").await, "MISS");
        let response = proxy.ask("PURGE /a", &[&["Host: x"], fields].concat()).await;
        assert_eq!(status(&response), expected, "{arguments:?} {fields:?}: {response}");
        assert_eq!(field(&response, "cache-control"), ["no-store"], "{response}");
        assert_eq!(field(&response, "www-authenticate").len(), usize::from(expected == "401"), "{response}");
        let result = if expected == "200" { "MISS" } else { "HIT" };
        assert_eq!(x_cache(&proxy, "/a").await, result, "{fields:?}");
        let asked = if expected == "200" { 2 } else { 1 };
        assert_eq!(origin.heads().len() - before, asked, "PURGE is not forwarded");
    }
    assert!(origin.heads().iter().all(|head| head.starts_with("GET ")));
}

#[tokio::test]
async fn a_purge_reaches_its_uri_on_its_host_or_its_tags() {
    let arguments = ["--purge-token", TOKEN, "--tags-from", "Surrogate-Key,Cache-Tag"];
    for (line, fields, purged) in [
        ("PURGE /a", &["Host: x"][..], &["/a"][..]),
        ("PURGE http://x/a", &["Host: y"], &["/a"]),
        ("PURGE /a", &["Host: X:80"], &["/a"]),
        ("PURGE /a", &["Host: y"], &[]),
        ("PURGE /a?b", &["Host: x"], &["/a?b"]),
        ("PURGE /", &["Host: y", "Surrogate-Key: a b"], &["/a", "/b"]),
        ("PURGE /a", &["Host: x", "Surrogate-Key: b"], &["/b"]),
        ("PURGE /", &["Host: x", "Surrogate-Key: other"], &[]),
        ("PURGE /", &["Host: x", "Surrogate-Key: all"], &["/a", "/a?b", "/b"]),
        ("PURGE /", &["Host: x", "Cache-Tag: a 2, other"], &["/a"]),
    ] {
        let origin = tagged().await;
        let proxy = Running::before(&origin, &arguments).await;
        let paths = ["/a", "/a?b", "/b"];
        for path in paths {
            assert_eq!(x_cache(&proxy, path).await, "MISS");
        }
        let response = proxy.ask(line, &[fields, &[BEARER]].concat()).await;
        assert_eq!(status(&response), "200", "{response}");
        assert_eq!(field(&response, "content-type"), ["application/json"]);
        assert!(response.ends_with(APPLIED), "{response}");
        for path in paths {
            let expected = if purged.contains(&path) { "MISS" } else { "HIT" };
            assert_eq!(x_cache(&proxy, path).await, expected, "{line} {fields:?}: {path}");
        }
    }
}

/// A response with more tags than are used can be purged by each of them.
#[tokio::test]
async fn a_response_with_too_many_tags_is_purged_by_any_tag() {
    let origin = Origin::answering(|mut wire, _| async move {
        let tags: Vec<_> = (0..1001).map(|tag| format!("t{tag}")).collect();
        let tags = tags.join(" ");
        wire.write(&format!(
            "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSurrogate-Key: {tags}\r\nContent-Length: 2\r\n\
             Connection: close\r\n\r\nhi"
        ))
        .await;
    })
    .await;
    let proxy = Running::before(&origin, &["--purge-token", TOKEN, "--tags-from", "surrogate-key"]).await;
    for tag in ["t0", "t1000", "other"] {
        let response = proxy.ask("GET /", &["Host: x"]).await;
        assert_eq!(field(&response, "x-cache"), ["MISS"], "{tag}");
        assert!(field(&response, "surrogate-key").is_empty());
        assert_eq!(x_cache(&proxy, "/").await, "HIT", "{tag}");
        proxy.ask("PURGE /", &["Host: x", BEARER, &format!("Surrogate-Key: {tag}")]).await;
    }
    assert_eq!(x_cache(&proxy, "/").await, "MISS");
}

#[tokio::test]
async fn a_soft_purge_makes_stale() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60, stale-while-revalidate=60\r\n\
        Content-Length: 2\r\nConnection: close\r\n\r\nhi";
    for (soft, expected) in [("Fastly-Soft-Purge: 1", "STALE"), ("Fastly-Soft-Purge: 0", "MISS")] {
        let origin = Origin::saying(ANSWER).await;
        let proxy = Running::before(&origin, &["--purge-token", TOKEN]).await;
        assert_eq!(x_cache(&proxy, "/").await, "MISS");
        proxy.ask("PURGE /", &["Host: x", BEARER, soft]).await;
        assert_eq!(x_cache(&proxy, "/").await, expected, "{soft}");
    }
}

/// The purge travels through the log. Until both proxies have reached Redis, each works alone, so
/// the test first waits for a response that they share.
#[tokio::test]
async fn a_purge_reaches_every_instance() {
    let redis = larder_testing::RedisServer::start().await.unwrap();
    let origin = tagged().await;
    let url = redis.url();
    let arguments =
        ["--redis", &url, "--redis-timeout", "5s", "--purge-token", TOKEN, "--tags-from", "surrogate-key"];
    let (one, other) =
        (Running::before(&origin, &arguments).await, Running::before(&origin, &arguments).await);
    for resource in 0.. {
        let path = format!("/warm{resource}");
        x_cache(&one, &path).await;
        if x_cache(&other, &path).await == "HIT" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for field in ["X-None: 1", "Surrogate-Key: a"] {
        for path in ["/a", "/b"] {
            x_cache(&one, path).await;
            let both = [x_cache(&one, path).await, x_cache(&other, path).await];
            assert_eq!(both, ["HIT", "HIT"], "{path}");
        }
        let response = one.ask("PURGE /a", &["Host: x", BEARER, field]).await;
        let outcome = response.split("\r\n\r\n").nth(1).unwrap();
        match status(&response) {
            "200" => assert_eq!(outcome, APPLIED),
            expected => assert_eq!((expected, outcome), ("202", r#"{"status":"ok","outcome":"deferred"}"#)),
        }
        // The other instance has read the log within the two seconds of `max_staleness`.
        let mut hits = 0;
        while x_cache(&other, "/a").await == "HIT" {
            hits += 1;
            assert!(hits < 1000, "the purge did not arrive");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(x_cache(&other, "/b").await, "HIT", "it was not purged");
    }
}

/// It takes effect here at once, and on the other instances when Redis is reached.
#[tokio::test]
async fn a_purge_without_redis_is_accepted_and_takes_effect_here() {
    let origin = tagged().await;
    // No server listens on this port.
    let proxy = Running::before(&origin, &["--redis", "redis://127.0.0.1:1", "--purge-token", TOKEN]).await;
    x_cache(&proxy, "/a").await;
    let response = proxy.ask("PURGE /a", &["Host: x", BEARER]).await;
    let outcome = response.split("\r\n\r\n").nth(1).unwrap();
    assert_eq!((status(&response), outcome), ("202", r#"{"status":"ok","outcome":"deferred"}"#));
    assert_eq!(x_cache(&proxy, "/a").await, "MISS");
}
