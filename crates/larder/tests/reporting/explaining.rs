//! Explanations of what only this instance knows: an invalidation that the store does not have.

use std::time::Duration;

use larder::explain::Explanation;
use larder::outcome::{MissReason, Outcome, Tier};
use larder::{Cache, InvalidationOutcome, Policy, UriName};
use larder_testing::Answer;

use crate::shop::{Shop, eventually, get};
use crate::store::MemoryStore;

const SECOND: Duration = Duration::from_secs(1);

fn shop(store: &MemoryStore) -> Shop {
    let policy = Policy::ttl(60 * SECOND).jitter(0.0);
    Shop::of(Cache::builder().shared_store(store.clone()), policy, |_| Answer::ok("hello"))
}

async fn explain(shop: &Shop, uri: &str) -> Explanation {
    shop.cache.explain(shop.service.clone(), get(uri)).await.unwrap()
}

/// Sends the request that was explained, and returns the reason of its outcome.
async fn reason(shop: &Shop, uri: &str) -> String {
    let status = shop.get(uri).await.headers()["cache-status"].to_str().unwrap().to_owned();
    status.rsplit("detail=").next().unwrap().to_owned()
}

/// Until the store has the event, this instance does not trust what it finds there.
#[tokio::test]
async fn a_deferred_invalidation_is_named_and_closes_the_store() {
    let store = MemoryStore::default();
    let (here, elsewhere) = (shop(&store), shop(&store));
    store.looked().await;
    store.looked().await;
    here.get("/1").await;
    elsewhere.get("/2").await;
    eventually("both are shared", || store.holds() == 2).await;
    assert_eq!(explain(&here, "/2").await.outcome, Outcome::Hit(Tier::Shared));
    store.refuse_appends_after(0);
    let deferred = here.cache.invalidate(UriName::new("/1").unwrap()).await;
    assert_eq!(deferred, InvalidationOutcome::Deferred);
    here.clock.advance(SECOND);
    let named = explain(&here, "/1").await;
    let invalidated = Outcome::Miss(MissReason::Invalidated);
    assert_eq!((named.outcome, named.log.deferred), (invalidated, 1));
    let entry = &named.memory.entries[0];
    let [by] = &*entry.invalidated_by else { panic!("{entry:?}") };
    assert_eq!((&*entry.verdict, &*by.name, &*by.place), ("refused: invalidated", "uri /1", "deferred 1"));
    assert_eq!(by.age, Some(SECOND));
    let text = named.to_string();
    for part in ["invalidated by uri /1 at deferred 1, 1.0 s ago", ", 1 deferred"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let other = explain(&here, "/2").await;
    let unconfirmed = MissReason::Unconfirmed;
    assert_eq!((other.outcome, &*other.shared.state), (Outcome::Miss(unconfirmed), unconfirmed.as_str()));
    for (uri, outcome) in [("/1", named.outcome), ("/2", other.outcome)] {
        assert_eq!(reason(&here, uri).await, outcome.reason(), "{uri}");
    }
    store.accept_appends();
    eventually("the event is appended", || here.cache.health().deferred == 0).await;
    assert_eq!(explain(&here, "/2").await.log.deferred, 0);
}
