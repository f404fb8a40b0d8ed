//! `Cache-Status` and `X-Cache`: `stored` is said only of what is stored, the cache can have a
//! name, and both fields can be turned off.

use http::{Method, StatusCode};
use larder::{Cache, ConfigErrorKind, Invalidation};
use larder_testing::{Answer, Gate, ManualClock, Origin, Step};
use larder_tests::http::{Site, soon};

use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door, stored};

/// Returns an origin whose body has a known length, and ends when the gate opens.
fn slow_body(gate: &Gate) -> Origin {
    let steps = [Step::data("first "), Step::Hold(gate.clone()), Step::data("last")];
    Origin::always(Answer::status(StatusCode::OK).header("content-length", "10").steps(steps))
}

#[tokio::test]
async fn stored_is_said_of_what_is_in_memory() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("a"))).await;
    let status = site.get("/a").await.cache_status();
    assert_eq!(status, "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored");
}

#[tokio::test]
async fn stored_is_not_said_without_the_memory_tier() {
    let cache = Cache::builder().max_memory_bytes(0).build();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("a"))).await;
    let status = site.get("/a").await.cache_status();
    assert!(!status.contains("stored;"), "{status}");
}

/// The body may still fail or turn out too large.
#[tokio::test]
async fn stored_is_not_said_while_the_body_arrives() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let site = site(&cache, hourly(), &slow_body(&gate)).await;
    let head = soon("the head", site.ask(Method::GET, "/a").head()).await.unwrap();
    let status = head.headers()["cache-status"].to_str().unwrap();
    assert_eq!(status, "Larder; fwd=uri-miss; fwd-status=200; detail=never-stored");
    gate.open();
    stored(&cache, 1).await;
    assert!(site.get("/a").await.is("HIT", "first last"));
}

#[tokio::test]
async fn stored_is_not_said_of_what_was_invalidated_meanwhile() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("a").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly().tag("thing"), &origin).await;
    let page = at_once(&site, "/a", 1);
    door.came(1).await;
    soon("the first", gate.arrived(1)).await;
    let _ = cache.invalidate(Invalidation::tag("thing")).await;
    gate.open();
    let status = all(page).await[0].cache_status();
    assert!(!status.contains("; stored"), "{status}");
    assert!(site.get("/a").await.is("MISS", "a"));
}

/// Every outcome has the name: a miss, a hit, a 304, a bypass and a write.
#[tokio::test]
async fn the_cache_has_the_name_that_its_builder_sets() {
    for (name, written) in [("shop.example", "shop.example"), ("edge 1", "\"edge 1\"")] {
        let cache = Cache::builder().cache_status_name(name).build();
        let site = site(&cache, hourly(), &Origin::always(Answer::ok("a").header("etag", "\"a\""))).await;
        for fields in every_outcome(&site).await {
            assert!(fields.status.starts_with(&format!("{written}; ")), "{}", fields.status);
        }
    }
}

#[test]
fn a_name_that_no_field_can_have_is_an_error_at_build_time() {
    for name in ["", "caché", "a\nb"] {
        let error = Cache::builder().cache_status_name(name).try_build().unwrap_err();
        assert_eq!(error.kind(), ConfigErrorKind::CacheName, "{name:?}");
    }
}

#[tokio::test]
async fn each_field_can_be_turned_off() {
    let builder = Cache::builder;
    for (cache, has_x_cache, has_status) in [
        (builder().build(), true, true),
        (builder().no_x_cache().build(), false, true),
        (builder().no_cache_status().build(), true, false),
        (builder().no_x_cache().no_cache_status().build(), false, false),
    ] {
        let site = site(&cache, hourly(), &Origin::always(Answer::ok("a").header("etag", "\"a\""))).await;
        for fields in every_outcome(&site).await {
            assert_eq!(!fields.x_cache.is_empty(), has_x_cache);
            assert_eq!(!fields.status.is_empty(), has_status);
        }
        assert_eq!(cache.stats().hits(), 2, "hits are counted without the fields, too");
    }
}

/// The two responses that are not among those of [`every_outcome`]: a 504 of the cache itself, and
/// a stale response for a handler that fails.
#[tokio::test]
async fn a_504_and_a_stale_response_on_error_have_neither_if_they_are_off() {
    for is_on in [true, false] {
        let clock = ManualClock::new();
        let builder = Cache::builder().clock(clock.clone());
        let cache = if is_on { builder } else { builder.no_cache_status().no_x_cache() }.build();
        let origin = Origin::new(|_, call| match call {
            1 => Answer::ok("a"),
            _ => Answer::status(StatusCode::BAD_GATEWAY),
        });
        let policy = hourly().stale_if_error(secs(3600)).honor_request_directives();
        let site = site(&cache, policy, &origin).await;
        let refused = site.ask(Method::GET, "/a").with("cache-control", "only-if-cached").send().await;
        let bypass = site.ask(Method::OPTIONS, "/a").with("cache-control", "only-if-cached").send().await;
        site.get("/a").await;
        clock.advance(secs(3600));
        let stale = site.get("/a").await;
        assert_eq!((refused.status.as_u16(), bypass.status.as_u16(), stale.text()), (504, 504, "a".into()));
        assert_eq!(stale.all("cache-status").len(), usize::from(is_on));
        for page in [refused, bypass, stale] {
            assert_eq!(page.all("x-cache").len(), usize::from(is_on), "{}", page.status);
        }
    }
}

#[tokio::test]
async fn the_members_of_other_caches_stay() {
    let cache = Cache::builder().no_cache_status().no_x_cache().build();
    let answer = Answer::ok("a").header("cache-status", "Other; hit").header("x-cache", "other");
    let site = site(&cache, hourly(), &Origin::always(answer)).await;
    let (miss, hit) = (site.get("/a").await, site.get("/a").await);
    assert_eq!((miss.cache_status().as_str(), miss.x_cache().as_str()), ("Other; hit", "other"));
    // The handler's `X-Cache` is about its own run.
    assert_eq!((hit.cache_status().as_str(), hit.all("x-cache").len()), ("Other; hit", 0));
}

/// The two fields of a response, empty if it has none.
struct Fields {
    x_cache: String,
    status: String,
}

/// Returns the fields of a miss, a hit, a 304, a bypass and a write.
async fn every_outcome(site: &Site) -> Vec<Fields> {
    let asks = [
        site.ask(Method::GET, "/a"),
        site.ask(Method::GET, "/a"),
        site.ask(Method::GET, "/a").with("if-none-match", "\"a\""),
        site.ask(Method::GET, "/a").with("authorization", "a"),
        site.ask(Method::POST, "/b"),
    ];
    let mut seen = Vec::new();
    for ask in asks {
        let page = ask.send().await;
        let joined = |name| page.all(name).join(", ");
        seen.push(Fields { x_cache: joined("x-cache"), status: joined("cache-status") });
    }
    seen
}
