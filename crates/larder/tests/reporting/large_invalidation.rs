//! Invalidations with so many names that they are appended in parts.

use std::time::Duration;

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

/// An invalidation may take `invalidation_timeout` for each of its parts.
#[tokio::test(start_paused = true)]
async fn each_part_has_the_time_of_a_small_invalidation() {
    let store = MemoryStore::default();
    let limit = Duration::from_millis(100);
    let cache = Cache::builder().shared_store(store.clone()).invalidation_timeout(limit).build();
    store.looked().await;
    store.move_away(limit * 3 / 4);
    assert_eq!(cache.invalidate(large()).await, InvalidationOutcome::Applied);
    assert_eq!(store.events(), events());
}

/// The first part is in an incarnation that ended, so the whole is appended to the new one.
#[tokio::test]
async fn if_the_log_restarts_between_two_parts_all_are_appended_again() {
    let store = MemoryStore::default();
    let cache = Cache::builder().shared_store(store.clone()).build();
    store.looked().await;
    store.restart_after_appends(1);
    assert_eq!(cache.invalidate(large()).await, InvalidationOutcome::Applied);
    let mut appended = store.events();
    // The instance appends *all* as well, because the new incarnation may have missed other events.
    appended.retain(|event| *event != Event::EVERYTHING);
    assert!(appended.ends_with(&events()), "the new incarnation has every name");
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
