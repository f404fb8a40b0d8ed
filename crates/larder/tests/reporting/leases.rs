//! The numbers that are reported about leases.

use std::time::Duration;

use larder::{Cache, Policy};
use larder_testing::{Answer, Gate};
use tokio::time::Instant;
use tower::ServiceExt as _;

use crate::shop::{Shop, eventually, get};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

/// The time limit of a fill.
const LIMIT: Duration = Duration::from_secs(12);

/// Returns two shops with one store. Their handlers wait at the gate.
async fn two_shops(gate: &Gate) -> (MemoryStore, Shop, Shop) {
    let store = MemoryStore::default();
    let shop = || {
        let (handler_gate, options) = (gate.clone(), Cache::builder().shared_store(store.clone()));
        Shop::of(options, Policy::ttl(MINUTE).fill_timeout(LIMIT), move |_| {
            Answer::ok("hello").held_at(&handler_gate)
        })
    };
    let shops = (shop(), shop());
    store.looked().await;
    (store, shops.0, shops.1)
}

/// Makes one shop take over a lease from the other.
///
/// One shop fills, and its lease is never released. The other one waits as long as it may, and then
/// fills too.
pub(crate) async fn take_await_and_take_over() {
    tokio::time::pause();
    let gate = Gate::new();
    let (store, one, other) = two_shops(&gate).await;
    let first = tokio::spawn(one.service.clone().oneshot(get("/")));
    gate.arrived(1).await;
    store.give_lease_away();

    let begun = Instant::now();
    let second = tokio::spawn(other.service.clone().oneshot(get("/")));
    gate.arrived(2).await;
    let waited = begun.elapsed();
    assert!((LIMIT..LIMIT + Duration::from_millis(100)).contains(&waited), "{waited:?}");
    gate.open();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    let [one, other] = [one, other].map(|shop| shop.cache.stats());
    assert_eq!([one.leases_acquired, one.leases_awaited, one.leases_taken_over], [1, 0, 0]);
    assert_eq!([other.leases_acquired, other.leases_awaited, other.leases_taken_over], [1, 1, 1]);
}

/// The time of the test is paused: it advances only while no task can run.
#[tokio::test]
async fn a_holder_that_does_not_end_is_waited_for_no_longer_than_a_fill_may_take() {
    take_await_and_take_over().await;
}

#[tokio::test]
async fn where_no_lease_can_be_had_the_handler_runs_at_once() {
    let gate = Gate::new();
    let (store, one, _) = two_shops(&gate).await;
    gate.open();
    store.refuse_leases();
    let response = one.get("/").await;
    assert_eq!(response.headers()["x-cache"], "MISS");
    let stats = one.cache.stats();
    assert_eq!((stats.fills, stats.leases_acquired, stats.store_errors), (1, 0, 1));
    eventually("it is shared nevertheless", || store.holds() == 1).await;
}

#[tokio::test]
async fn a_head_request_takes_none_and_a_fill_gives_its_own_up() {
    let gate = Gate::new();
    let (store, one, _) = two_shops(&gate).await;
    gate.open();
    one.send(crate::shop::method(http::Method::HEAD, "/")).await;
    assert_eq!(one.cache.stats().leases_acquired, 0);
    one.get("/").await;
    eventually("it is given up", || store.leases() == 0).await;
    assert_eq!(one.cache.stats().leases_acquired, 1);
}

/// Without a shared store there is no lease to claim.
#[tokio::test]
async fn a_cache_by_itself_takes_no_lease() {
    let shop = Shop::minute();
    shop.get("/").await;
    let stats = shop.cache.stats();
    assert_eq!((stats.fills, stats.leases_acquired), (1, 0));
}
