//! Invalidations with so many names that they are appended in parts.

use larder::{Cache, Invalidation, InvalidationOutcome, Tag};
use larder_core::invalidation::selector::{Event, Mode};

use crate::shop::eventually;
use crate::store::MemoryStore;

/// Larger than one part.
const NAMES: usize = 5_000;

fn tags() -> impl Iterator<Item = Tag> {
    (0..NAMES).map(|number| Tag::new(format!("product:{number}")))
}

fn large() -> Invalidation {
    tags().skip(1).fold(Invalidation::tag("product:0"), Invalidation::and)
}

fn events() -> Vec<Event> {
    tags().map(|tag| Event { mode: Mode::Hard, selector: tag.into() }).collect()
}

#[tokio::test]
async fn it_is_applied_when_all_of_its_parts_are() {
    let store = MemoryStore::default();
    let cache = Cache::builder().shared_store(store.clone()).build();
    store.looked().await;
    assert_eq!(cache.invalidate(large()).await, InvalidationOutcome::Applied);
    assert_eq!(store.events(), events());
}

/// Without a part of it, the outbox would have no room, and would collapse into *all*.
#[tokio::test]
async fn if_a_part_fails_only_the_rest_is_deferred() {
    let store = MemoryStore::default();
    let cache = Cache::builder().shared_store(store.clone()).build();
    store.looked().await;
    store.refuse_appends_after(1);
    assert_eq!(cache.invalidate(large()).await, InvalidationOutcome::Deferred);
    let appended = store.events().len();
    assert!((1..NAMES).contains(&appended), "{appended}");
    store.accept_appends();
    eventually("the rest is appended", || store.events().len() >= NAMES).await;
    assert_eq!(store.events(), events());
}
