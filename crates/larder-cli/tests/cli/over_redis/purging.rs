//! `larder purge` over Redis.

use larder_testing::RedisServer;

use super::site::{Site, eventually};

const ONE: &str = "/products/1";
const TWO: &str = "/products/2";

#[tokio::test]
async fn the_next_request_is_a_miss_on_both_instances_and_nothing_else_is_lost() {
    let site = Site::new().await;
    let (a, b) = (site.instance().await, site.instance().await);
    let other = site.instance_in("other").await;
    for instance in [&a, &b, &other] {
        instance.answers(ONE, "HIT", 1).await;
        instance.answers(TWO, "HIT", 1).await;
    }
    for (arguments, version) in [
        (["--tag", "product:1"], 2),
        (["--uri", ONE], 3),
        (["--uri", "https://shop.example/products/1"], 4),
        (["--glob", "/*/1"], 5),
        (["--key", "u|http|shop.example|/products/1"], 6),
    ] {
        site.change();
        let run = site.run(&[&["purge"], &arguments[..]].concat()).await;
        assert_eq!(run.code, 0, "{run:?}");
        assert!(run.out.starts_with("applied: "), "{run:?}");
        for instance in [&a, &b] {
            eventually(&format!("{arguments:?}"), async || instance.get(ONE).await.1 == version).await;
            assert_eq!(instance.get(TWO).await, ("HIT".to_owned(), 1));
        }
    }
    site.change();
    let run = site.run(&["purge", "--prefix", "/products", "--tag", "x"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    for instance in [&a, &b] {
        eventually("the prefix is refused", async || instance.get(TWO).await.1 == 7).await;
    }
    assert_eq!(other.get(ONE).await, ("HIT".to_owned(), 1), "another namespace has a log of its own");
    let run = site.run(&["purge", "--tag", "product:1", "--namespace", "other"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    eventually("the other namespace follows", async || other.get(ONE).await.1 == 7).await;
}

/// Returns what a namespace has in Redis: the entries of its log, and its stored responses.
async fn in_redis(site: &Site, namespace: &str) -> (String, Vec<String>) {
    let log = format!("larder:{{{namespace}:log}}:events");
    let log = format!("{:?}", site.redis.command(&["XRANGE", &log, "-", "+"]).await.unwrap());
    let stored = format!("larder:{namespace}:v1:{{");
    let keys = site.redis.command(&["KEYS", "*"]).await.unwrap();
    let keys = keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned());
    let mut keys: Vec<_> = keys.filter(|key| key.starts_with(&stored) && key.ends_with('}')).collect();
    keys.sort();
    (log, keys)
}

/// The names of the namespaces begin in the same way, and one of them is a pattern for another one.
#[tokio::test]
async fn a_purge_of_a_namespace_changes_nothing_of_another_one() {
    let site = Site::new().await;
    let others = ["larder", "shop", "shop-2"];
    for namespace in ["shop*", "larder", "shop", "shop-2"] {
        let instance = site.instance_in(namespace).await;
        for path in [ONE, TWO] {
            instance.answers(path, "HIT", 1).await;
        }
        eventually("both are in Redis", async || {
            let stored = in_redis(&site, namespace).await.1;
            stored.iter().filter(|key| key.contains("/products/")).count() == 2
        })
        .await;
        let _ = instance.cache.close().await;
    }
    let purged = async || in_redis(&site, "shop*").await;
    let mut before = Vec::new();
    for namespace in others {
        before.push(in_redis(&site, namespace).await);
    }
    let mut last = purged().await;
    for arguments in [
        &["--tag", "product:1"][..],
        &["--uri", ONE],
        &["--key", "u|http|shop.example|/products/2"],
        &["--glob", "/*/1"],
        &["--prefix", "/"],
        &["--all", "--yes"],
    ] {
        let run = site.run(&[&["purge", "--namespace", "shop*"], arguments].concat()).await;
        assert_eq!(run.code, 0, "{run:?}");
        let now = purged().await;
        assert_ne!(now.0, last.0, "{arguments:?} is in the log of its namespace");
        last = now;
        for (namespace, before) in others.iter().zip(&before) {
            assert_eq!(in_redis(&site, namespace).await, *before, "{namespace}: {arguments:?}");
        }
    }
    assert!(last.1.is_empty(), "{:?}", last.1);
}

#[tokio::test]
async fn it_works_while_no_application_runs() {
    let site = Site::new().await;
    let a = site.instance().await;
    a.answers(ONE, "HIT", 1).await;
    a.answers(TWO, "HIT", 1).await;
    eventually("both are in Redis", async || {
        let keys = site.redis.command(&["KEYS", "*/products/*"]).await.unwrap();
        keys.as_array().unwrap().len() == 2
    })
    .await;
    let _ = a.cache.close().await;
    drop(a);
    site.change();
    // A tag is not in the key, so the old response stays in Redis.
    let answer = site.json(&["purge", "--tag", "product:1"]).await;
    assert_eq!((&answer["outcome"], &answer["redis"]["removed"]), (&"applied".into(), &0.into()));
    let b = site.instance().await;
    assert_eq!(b.get(ONE).await, ("MISS".to_owned(), 2));
    assert_eq!(b.get(TWO).await, ("HIT".to_owned(), 1));
}

#[tokio::test]
async fn it_works_after_a_restart_of_redis() {
    let site = Site::of(RedisServer::builder().config("appendonly yes"), "").await;
    let a = site.instance().await;
    a.answers(ONE, "HIT", 1).await;
    site.redis.restart().await.unwrap();
    site.change();
    let run = site.run(&["purge", "--tag", "product:1"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    eventually("the old response is refused", async || a.get(ONE).await.1 == 2).await;
    a.answers(ONE, "HIT", 2).await;
    site.change();
    assert_eq!(site.run(&["purge", "--tag", "product:1"]).await.code, 0);
    eventually("the instance follows the new log", async || a.get(ONE).await.1 == 3).await;
}

#[tokio::test]
async fn a_dry_run_counts_what_keys_show_and_changes_nothing() {
    let site = Site::new().await;
    let a = site.instance().await;
    for path in [ONE, TWO] {
        a.answers(path, "HIT", 1).await;
    }
    eventually("both are in Redis", async || {
        site.json(&["purge", "--prefix", "/products", "--dry-run"]).await["redis"]["entries"] == 2
    })
    .await;
    let run = site.run(&["purge", "--glob", "/*/1", "--tag", "product:2", "--dry-run"]).await;
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.out.starts_with("would reach 1 entries in Redis\n"), "{run:?}");
    assert!(run.out.contains("u|http|shop.example|/products/1"), "{run:?}");
    assert!(run.out.contains("not counted: t:product:2"), "{run:?}");
    assert_eq!(site.run(&["purge", "--prefix", "/nothing", "--dry-run"]).await.code, 1);
    for path in [ONE, TWO] {
        assert_eq!(a.get(path).await, ("HIT".to_owned(), 1));
    }
    let removed = site.json(&["purge", "--prefix", "/products"]).await;
    assert_eq!(removed["redis"]["removed"], 2);
}

#[tokio::test]
async fn everything_needs_a_confirmation() {
    let site = Site::new().await;
    let a = site.instance().await;
    a.answers(ONE, "HIT", 1).await;
    assert_eq!(site.run(&["purge", "--all"]).await.code, 2);
    site.change();
    assert_eq!(site.run(&["purge", "--all", "--yes"]).await.code, 0);
    eventually("everything is refused", async || a.get(ONE).await.1 == 2).await;
}
