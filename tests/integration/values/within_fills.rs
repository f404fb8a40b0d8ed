//! Values that a handler or another load uses while its own result is made.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as get_route;
use http::Request;
use larder::values::Cached;
use larder::{Cache, InvalidationOutcome, Policy, Tag};
use larder_testing::{Gate, ManualClock};
use tower::ServiceExt;

use crate::support::{Database, Names, TTL, builder, cache, get, names, soon};

const WINDOW: Duration = Duration::from_secs(50);

/// Returns a greeting, which is made of a name.
async fn greet(greetings: &Names, names: &Names, database: &Database) -> String {
    let load = async || {
        let name = get(names, database, 1).await;
        Ok::<_, ()>(format!("Hello {}", name.unwrap()))
    };
    greetings.get_or_load(&1, load).await.unwrap().unwrap().to_string()
}

fn greetings(cache: &Cache) -> Names {
    cache.values("greeting").ttl(2 * TTL).jitter(0.0).build().unwrap()
}

/// The loaded value is made of a value in memory, so it is no fresher than that.
#[tokio::test]
async fn a_value_that_is_made_of_another_one_is_fresh_no_longer() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let cache = cache(&clock);
    let (names, greetings) = (names(&cache), greetings(&cache));
    get(&names, &database, 1).await;
    clock.advance(TTL / 2);
    assert_eq!(greet(&greetings, &names, &database).await, "Hello Ada");
    assert_eq!(greetings.ttl_of(&1).await, Some(TTL / 2));
    clock.advance(TTL / 2);
    database.set(1, "Eve");
    assert_eq!(greet(&greetings, &names, &database).await, "Hello Eve");
}

/// An event that names the result, but not the value, refuses every result with that value. So the
/// value is loaded again.
#[tokio::test]
async fn a_value_from_before_an_invalidation_of_the_result_is_loaded_again() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let (names, greetings) = (names(&cache), greetings(&cache));
    get(&names, &database, 1).await;
    assert_eq!(greetings.invalidate(&1).await, InvalidationOutcome::Applied);
    assert!(names.get_cached(&1).is_cached(), "it is not named");
    assert_eq!(greet(&greetings, &names, &database).await, "Hello Ada");
    assert!(greetings.get_cached(&1).is_cached());
    assert_eq!(database.loads(), 2);
}

/// A tag that only the result has is not known before it. The result is then refused, since its
/// value is from before the event.
#[tokio::test]
async fn a_result_of_a_value_from_before_an_invalidation_of_its_tags_is_not_stored() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let greetings = cache.values("greeting").ttl(TTL).tags(|_, _| ["greetings"]).build().unwrap();
    get(&names, &database, 1).await;
    assert_eq!(cache.invalidate(Tag::new("greetings")).await, InvalidationOutcome::Applied);
    assert_eq!(greet(&greetings, &names, &database).await, "Hello Ada");
    assert_eq!(greetings.get_cached(&1), Cached::Nothing, "it is refused");
    let _ = names.invalidate(&1).await;
    assert_eq!(greet(&greetings, &names, &database).await, "Hello Ada");
    assert!(greetings.get_cached(&1).is_cached());
}

/// The layer invalidates the URI after a write, and the value does not have that name.
#[tokio::test]
async fn a_route_is_stored_again_after_a_write_to_its_uri() {
    let (cache, database) = (Cache::default(), Database::with(1, "Ada"));
    let names = names(&cache);
    let show = {
        let (names, database) = (names.clone(), database.clone());
        move || async move { get(&names, &database, 1).await.unwrap() }
    };
    let rename = {
        let (names, database) = (names.clone(), database.clone());
        move || async move {
            let write = names.begin_write(&1);
            database.set(1, "Grace");
            assert!(write.finish("Grace".to_owned()).await.is_cached());
        }
    };
    let app: Router =
        Router::new().route("/name", get_route(show).put(rename)).layer(cache.layer(Policy::ttl(TTL)));
    let send = async |method: &str| {
        let request = Request::builder().method(method).uri("/name").header("host", "a");
        let response = app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        response.headers()["x-cache"].to_str().unwrap().to_owned()
    };
    assert_eq!([send("GET").await, send("GET").await], ["MISS", "HIT"]);
    assert_eq!(send("PUT").await, "BYPASS");
    assert_eq!([send("GET").await, send("GET").await], ["MISS", "HIT"]);
    assert_eq!(database.loads(), 2, "the written value is from before the invalidation of the URI");
}

/// A value that is served stale would be fresh for longer in the result.
#[tokio::test]
async fn within_a_load_no_value_is_served_stale() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "old"));
    let cache = cache(&clock);
    let names = builder(&cache).stale_while_revalidate(WINDOW).stale_if_error(WINDOW).build().unwrap();
    let greetings = greetings(&cache);
    get(&names, &database, 1).await;
    database.set(1, "new");
    clock.advance(TTL);
    let gate = database.hold();
    let revalidating = tokio::spawn({
        let (names, database) = (names.clone(), database.clone());
        async move { get(&names, &database, 1).await }
    });
    gate.arrived(1).await;
    assert_eq!(get(&names, &database, 1).await.as_deref(), Some("old"), "outside of a load");
    let greeting = tokio::spawn({
        let (greetings, names, database) = (greetings.clone(), names.clone(), database.clone());
        async move { greet(&greetings, &names, &database).await }
    });
    crate::support::settle().await;
    assert!(!greeting.is_finished());
    gate.open();
    assert_eq!(soon("the greeting", greeting).await.unwrap(), "Hello new");
    revalidating.await.unwrap();

    clock.advance(TTL);
    database.release();
    database.fail(Some("away"));
    let greeted = greetings.get_or_load(&2, async || {
        assert_eq!(names.get(&1).await, Cached::Nothing, "`get` is never stale either");
        names.get_or_load(&1, || database.load(1)).await.map(|name| name.map(|name| name.to_string()))
    });
    assert_eq!(greeted.await.unwrap_err().get_ref().get_ref().to_string(), "away");
}

/// A route cannot make an old value fresh for an hour.
#[tokio::test]
async fn a_route_is_fresh_no_longer_than_the_values_in_it() {
    let (clock, database) = (ManualClock::new(), Database::with(1, "Ada"));
    let cache = cache(&clock);
    let names = names(&cache);
    let app = {
        let (names, database) = (names.clone(), database.clone());
        let handler = get_route(async move || format!("Hello {}", get(&names, &database, 1).await.unwrap()));
        let policy = Policy::ttl(10 * TTL).jitter(0.0).tag("name:1");
        Router::new().route("/", handler.layer(cache.layer(policy)))
    };
    let show = async || {
        let response = app.clone().oneshot(Request::new(Body::empty())).await.unwrap();
        let outcome = response.headers()["x-cache"].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        format!("{outcome} {}", String::from_utf8_lossy(&body))
    };
    get(&names, &database, 1).await;
    clock.advance(TTL / 2);
    assert_eq!(show().await, "MISS Hello Ada");
    clock.advance(TTL / 2 - Duration::from_secs(1));
    assert_eq!(show().await, "HIT Hello Ada");
    database.set(1, "Eve");
    clock.advance(Duration::from_secs(1));
    assert_eq!(show().await, "MISS Hello Eve");
    // One tag names the value and the route.
    database.set(1, "Bob");
    let _ = cache.invalidate(Tag::new("name:1")).await;
    assert_eq!(show().await, "MISS Hello Bob");
    assert_eq!(show().await, "HIT Hello Bob");
}

/// A load within a load does not wait for a lease while the outer one holds one.
#[tokio::test]
async fn a_load_within_a_load_waits_for_no_lease() {
    let store = larder_testing::MemoryStore::new();
    let (a, b) = (crate::support::over(&store).await, crate::support::over(&store).await);
    let database = Database::with(1, "Ada");
    let names_of = |cache: &Cache| names(cache);
    let (gate, runs) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
    // B loads the name, and holds its lease.
    let holder = tokio::spawn({
        let (names, gate, runs) = (names_of(&b), gate.clone(), Arc::clone(&runs));
        async move {
            let load = async || {
                runs.fetch_add(1, Ordering::SeqCst);
                gate.pass().await;
                Ok::<_, ()>("Ada".to_owned())
            };
            names.get_or_load(&1, load).await.unwrap();
        }
    });
    gate.arrived(1).await;
    // A makes a greeting, whose lease it holds, and needs the name.
    let greeting = soon("no wait", greet(&greetings(&a), &names_of(&a), &database)).await;
    assert_eq!((greeting.as_str(), database.loads()), ("Hello Ada", 1));
    assert!(!holder.is_finished());
    gate.open();
    holder.await.unwrap();
}
