//! Two instances that share one Redis, without faults.

use std::time::Duration;

use http::Request;
use larder::{Glob, Invalidation, InvalidationOutcome, Prefix, Tag};
use larder_tests::redis::{Setup, World, eventually};

#[tokio::test]
async fn a_fill_on_one_instance_is_a_hit_on_the_other() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);

    let filled = a.get("/values/1").await;
    assert_eq!((filled.text(), filled.outcome().as_str()), ("v1", "MISS never-stored"));
    world.stored_as("/values/1").await;

    let shared = b.get("/values/1").await;
    assert_eq!((shared.text(), shared.outcome().as_str()), ("v1", "HIT shared"));
    assert_eq!(shared.status, 200);
    for field in ["etag", "content-type", "date"] {
        assert_eq!(shared.field(field), filled.field(field), "{field}");
    }
    assert_eq!(shared.field("age"), "0");
    assert_eq!(b.get("/values/1").await.outcome(), "HIT memory");
    assert_eq!((a.runs(), b.runs()), (1, 0));
    assert_eq!(b.cache.stats().hits_shared, 1);
}

#[tokio::test]
async fn without_memory_every_hit_comes_from_redis() {
    let world = World::new().await;
    let setup = Setup { memory: 0, ..Setup::default() };
    let a = world.joined(setup).await;
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    for _ in 0..3 {
        assert_eq!(a.get("/values/1").await.outcome(), "HIT shared");
    }
    assert_eq!(a.runs(), 1);
}

#[tokio::test]
async fn an_update_on_one_instance_is_seen_on_the_other() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    for round in 1..20 {
        let old = format!("v{round}");
        assert_eq!(a.get("/values/1").await.text(), old);
        assert_eq!(b.get("/values/1").await.text(), old);
        a.changes(1).await;
        let new = a.get("/values/1").await;
        assert_eq!(new.text(), format!("v{}", round + 1));
        b.shows("/values/1", new.text()).await;
    }
}

#[tokio::test]
async fn every_selector_takes_effect_on_both_instances() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let whats: [(&str, &str, Invalidation); 6] = [
        ("tag", "/values/1", Tag::new("value:1").into()),
        ("key", "/by-key/1", Invalidation::key("by-key:1")),
        ("prefix", "/values/1", Prefix::new("/values").unwrap().into()),
        ("glob", "/values/1", Glob::new("/val*/1").unwrap().into()),
        ("all", "/values/1", Invalidation::all()),
        ("two at once", "/values/1", Invalidation::tag("other").and_tag("value:1")),
    ];
    for (name, path, what) in whats {
        a.hits(path).await;
        b.hits(path).await;
        let untouched = "/values/2";
        a.hits(untouched).await;
        let new = format!("v{}", world.truth.change(1));
        assert_eq!(a.cache.invalidate(what).await, InvalidationOutcome::Applied, "{name}");
        let answer = a.get(path).await;
        assert_eq!((answer.text(), answer.outcome().as_str()), (new.as_str(), "MISS invalidated"), "{name}");
        b.shows(path, &new).await;
        if !matches!(name, "prefix" | "all") {
            assert_eq!(a.get(untouched).await.outcome(), "HIT memory", "{name}");
        }
    }
}

#[tokio::test]
async fn a_write_through_the_layer_invalidates_its_uri_on_the_other_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    b.hits("/values/1").await;
    assert_eq!(a.send(Request::put("/values/1")).await.status, 204);
    assert_eq!(a.get("/values/1").await.text(), "v2");
    b.shows("/values/1", "v2").await;
}

#[tokio::test]
async fn a_softly_invalidated_response_is_served_stale_once_more_on_the_other_instance() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    b.hits("/patient/1").await;
    let _ = world.truth.change(1);
    let soft = Invalidation::tag("value:1").soft();
    a.applies(soft).await;
    let mut seen = Vec::new();
    eventually("the new value is there", async || {
        let answer = b.get("/patient/1").await;
        seen.push(format!("{} {}", answer.field("x-cache"), answer.text()));
        answer.text() == "v2"
    })
    .await;
    assert!(seen.contains(&"STALE v1".to_owned()), "{seen:?}");
    assert!(!seen.contains(&"MISS v2".to_owned()), "a request waited for the handler: {seen:?}");
}

#[tokio::test]
async fn variants_are_shared_and_kept_apart() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let in_language =
        |language: &'static str| Request::get("/languages/1").header("accept-language", language);
    a.send(in_language("de")).await;
    a.send(in_language("fr")).await;
    eventually("both variants and their list are stored", async || {
        world.stored().await.iter().filter(|name| name.contains("/languages/1")).count() == 3
    })
    .await;

    for language in ["de", "fr"] {
        let shared = b.send(in_language(language)).await;
        assert_eq!(shared.text(), format!("v1 in {language}"));
        assert_eq!(shared.outcome(), "HIT shared");
    }
    let other = b.send(in_language("es")).await;
    assert_eq!((other.text(), other.field("x-cache")), ("v1 in es", "MISS"));
    assert_eq!((a.runs(), b.runs()), (2, 1));

    let _ = world.truth.change(1);
    let _ = a.invalidate(1).await;
    for language in ["de", "fr", "es"] {
        let expected = format!("v2 in {language}");
        assert_eq!(a.send(in_language(language)).await.text(), expected);
        eventually("the variant is new", async || b.send(in_language(language)).await.text() == expected)
            .await;
    }
}

#[tokio::test]
async fn schemas_keep_responses_apart_and_share_invalidations() {
    let world = World::new().await;
    let next = Setup { schema: 2, ..Setup::default() };
    let (a, b) = (world.instance().await, world.joined(next).await);
    a.get("/values/1").await;
    assert!(world.stored_as("/values/1").await.starts_with("larder:larder:v1:"));
    assert_eq!(b.get("/values/1").await.outcome(), "MISS never-stored");
    a.changes(1).await;
    b.shows("/values/1", "v2").await;
}

#[tokio::test]
async fn namespaces_share_nothing() {
    let world = World::new().await;
    let other = Setup { namespace: "other", ..Setup::default() };
    let (a, b) = (world.instance().await, world.joined(other).await);
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    assert_eq!(b.get("/values/1").await.outcome(), "MISS never-stored");
    // If the event reached the other log, it would be there by the time that its own instance has
    // read it.
    a.changes(1).await;
    let bump = b.cache.invalidate(Tag::new("value:2")).await;
    assert_eq!(bump, InvalidationOutcome::Applied);
    let answer = b.get("/values/1").await;
    assert_eq!((answer.text(), answer.outcome().as_str()), ("v1", "HIT memory"));
}

#[tokio::test]
async fn a_large_body_comes_out_of_redis_as_it_went_in() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let made = a.get("/bodies/1").await;
    assert_eq!(made.body.len(), 700_000);
    world.stored_as("/bodies/1").await;
    let shared = b.get("/bodies/1").await;
    assert_eq!(shared.outcome(), "HIT shared");
    assert!(shared.body == made.body);
    assert!(b.get("/bodies/1").await.body == made.body);
    let head = b.send(Request::head("/bodies/1")).await;
    assert_eq!((head.body.len(), head.field("content-length")), (0, "700000"));
}

#[tokio::test]
async fn head_and_conditional_requests_are_answered_from_the_other_instances_response() {
    let world = World::new().await;
    let (a, b) = (world.instance().await, world.instance().await);
    let made = a.get("/values/1").await;
    world.stored_as("/values/1").await;
    let head = b.send(Request::head("/values/1")).await;
    assert_eq!((head.outcome().as_str(), head.field("etag")), ("HIT shared", made.field("etag")));
    let c = world.instance().await;
    let condition = Request::get("/values/1").header("if-none-match", made.field("etag"));
    let unchanged = c.send(condition).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.body.len()), (304, 0));
    assert_eq!(b.runs() + c.runs(), 0);
}

#[tokio::test]
async fn a_stored_response_has_an_expiry_and_the_log_has_none() {
    let world = World::new().await;
    let a = world.instance().await;
    a.get("/values/1").await;
    let name = world.stored_as("/values/1").await;
    let expiry = |key: String| async {
        let reply = world.redis.command(&["TTL".to_owned(), key]).await.unwrap();
        Duration::try_from_secs_f64(f64::from(i32::try_from(reply.as_integer().unwrap()).unwrap())).ok()
    };
    let response = expiry(name).await.unwrap();
    assert!(response > Duration::from_secs(3600), "{response:?}");
    assert!(response < Duration::from_secs(2 * 3600), "{response:?}");
    for key in [larder_tests::redis::EVENTS, larder_tests::redis::INCARNATION] {
        assert_eq!(expiry(key.to_owned()).await, None, "{key}");
    }
}
