//! The feed of invalidations, in a cache without a shared store.

use http::Method;
use larder::feed::{FeedEvent, FeedItem, FeedStatus, InvalidationFeed};
use larder::{Cache, Invalidation, Prefix, Tag, UriName};
use larder_testing::{Answer, Origin};
use larder_tests::http::soon;

use crate::support::{cache, hourly, secs, site};

async fn next(feed: &mut InvalidationFeed) -> FeedEvent {
    let event = match soon("an invalidation", feed.next()).await {
        Some(FeedItem::Invalidation(event)) => Ok(event),
        other => Err(other),
    };
    event.expect("an invalidation")
}

#[tokio::test]
async fn each_selector_is_an_item_in_the_order_of_the_log() {
    let (cache, clock) = cache();
    let _ = cache.invalidate(Tag::new("before")).await;
    let mut feed = cache.invalidations();
    let both = Invalidation::tag("one").and(Prefix::new("/two").unwrap());
    let _ = cache.invalidate(both).await;
    clock.advance(secs(60));
    let _ = cache.invalidate(Invalidation::all().soft()).await;
    let events = [next(&mut feed).await, next(&mut feed).await, next(&mut feed).await];
    let texts = events.each_ref().map(|event| (&*event.selector, event.is_soft));
    assert_eq!(texts, [("t:one", false), ("p:/two", false), ("a:", true)]);
    assert!(events.iter().all(|event| event.is_own && event.status == FeedStatus::Applied));
    assert_eq!(events[0].log_id, events[1].log_id, "they are one step");
    assert!(events[1].log_id < events[2].log_id && events[0].log_id.is_some());
    assert_eq!(events[0].at, events[1].at);
    assert_eq!(events[2].at.saturating_since(events[0].at), secs(60));
}

#[tokio::test]
async fn a_write_is_in_the_feed_of_each_reader() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
    let mut feeds = [cache.invalidations(), cache.invalidations()];
    site.ask(Method::PUT, "/a?token=SECRET").with("host", "h").send().await;
    for feed in &mut feeds {
        let event = next(feed).await;
        assert!(event.selector.starts_with("u://h/a?token=^#"), "{event:?}");
    }
}

#[tokio::test]
async fn a_reader_that_lags_behind_learns_how_much_it_missed() {
    let (cache, _) = cache();
    let mut feed = cache.invalidations();
    for n in 0..1_500 {
        let _ = cache.invalidate(Tag::new(format!("t{n}"))).await;
    }
    let Some(FeedItem::Missed(missed)) = feed.next().await else { panic!("nothing is missed") };
    assert_eq!(missed, 1_500 - 1_024);
    for n in missed..1_500 {
        assert_eq!(next(&mut feed).await.selector, format!("t:t{n}"));
    }
}

#[tokio::test]
async fn a_feed_ends_with_the_cache() {
    let cache = Cache::default();
    let mut feed = cache.invalidations();
    let _ = cache.invalidate(UriName::new("/a").unwrap()).await;
    drop(cache);
    assert_eq!(next(&mut feed).await.selector, "u:/a");
    assert_eq!(soon("the end", feed.next()).await, None);
}

#[tokio::test]
async fn a_cache_that_stores_nothing_has_nothing_to_invalidate() {
    let cache = Cache::disabled();
    let mut feed = cache.invalidations();
    let _ = cache.invalidate(Tag::new("t")).await;
    drop(cache);
    assert_eq!(soon("the end", feed.next()).await, None);
}
