//! The pauses between polls of the log, in paused time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::feed::FeedItem;
use larder::{Cache, InvalidationOutcome, Tag};
use larder_core::invalidation::selector::{Event, Mode};
use larder_core::store::{InvalidationLog, StoreErrorKind};
use tokio::time::{Instant, sleep};

use crate::counting::Counting;

const MILLISECOND: Duration = Duration::from_millis(1);
const STALENESS: Duration = Duration::from_secs(2);

/// An instance that has read the log, and when it applied each event.
struct Follower {
    cache: Cache,
    store: Counting,
    appended: Vec<Instant>,
    applied: Arc<Mutex<Vec<Instant>>>,
}

impl Follower {
    async fn start(instances: Option<u64>, max_staleness: Duration) -> Self {
        let store = Counting::new(instances);
        let cache = Cache::builder().shared_store(store.clone()).max_staleness(max_staleness).build();
        sleep(Duration::from_secs(1)).await;
        let (mut feed, applied) = (cache.invalidations(), Arc::default());
        let seen: Arc<Mutex<Vec<Instant>>> = Arc::clone(&applied);
        tokio::spawn(async move {
            while let Some(item) = feed.next().await {
                let FeedItem::Invalidation(_) = item else { panic!("{item:?}") };
                seen.lock().unwrap().push(Instant::now());
            }
        });
        Self { cache, store, appended: Vec::new(), applied }
    }

    /// Appends an event as another instance does.
    async fn append(&mut self) {
        let event = Event { mode: Mode::Hard, selector: Tag::new("t").into() };
        self.appended.push(Instant::now());
        self.store.append(&[event]).await.unwrap();
    }

    /// Appends so many events in each millisecond, for this long.
    async fn append_for(&mut self, during: Duration, each_millisecond: usize) {
        let until = Instant::now() + during;
        while Instant::now() < until {
            for _ in 0..each_millisecond {
                self.append().await;
            }
            sleep(MILLISECOND).await;
        }
    }

    /// Returns the longest time until an event was applied, once all of them were.
    async fn longest_lag(&self) -> Duration {
        sleep(Duration::from_millis(200)).await;
        let applied = self.applied.lock().unwrap();
        assert_eq!(applied.len(), self.appended.len());
        self.appended.iter().zip(&*applied).map(|(from, to)| *to - *from).max().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_a_light_load_are_applied_at_once() {
    for (instances, pause) in [(None, MILLISECOND), (Some(1), MILLISECOND), (Some(256), STALENESS)] {
        let mut follower = Follower::start(instances, STALENESS).await;
        for _ in 0..50 {
            follower.append().await;
            sleep(pause).await;
        }
        assert_eq!(follower.longest_lag().await, Duration::ZERO, "{instances:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn many_instances_share_a_budget_for_their_polls() {
    let mut follower = Follower::start(Some(64), STALENESS).await;
    let before = follower.store.polls();
    follower.append_for(Duration::from_secs(4), 1).await;
    // A share of 80 µs for each instance, twice, is about 10 ms.
    let polls = follower.store.polls() - before;
    assert!((300..=400).contains(&polls), "{polls}");
    let lag = follower.longest_lag().await;
    assert!(lag <= Duration::from_millis(16), "{lag:?}");
}

#[tokio::test(start_paused = true)]
async fn a_heavy_load_is_read_in_large_pages_without_alarms() {
    let mut follower = Follower::start(Some(1), STALENESS).await;
    let (polls, alarms) = (follower.store.polls(), follower.store.alarms());
    follower.append_for(Duration::from_secs(2), 10).await;
    let (polls, alarms) = (follower.store.polls() - polls, follower.store.alarms() - alarms);
    assert!((300..=700).contains(&polls), "{polls}");
    assert!(alarms < polls / 4, "{alarms} alarms for {polls} polls");
    let lag = follower.longest_lag().await;
    assert!(lag <= Duration::from_millis(7), "{lag:?}");
}

/// Its own append ends the pause.
#[tokio::test(start_paused = true)]
async fn a_caller_does_not_wait_for_a_large_page() {
    let mut follower = Follower::start(Some(1), STALENESS).await;
    follower.append_for(Duration::from_secs(1), 10).await;
    for _ in 0..20 {
        follower.append_for(Duration::from_millis(17), 10).await;
        let begun = Instant::now();
        assert_eq!(follower.cache.invalidate(Tag::new("own")).await, InvalidationOutcome::Applied);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_deferred_event_is_flushed_without_a_pause() {
    let mut follower = Follower::start(Some(u64::MAX), STALENESS).await;
    follower.append_for(Duration::from_secs(1), 10).await;
    follower.store.memory.fail(StoreErrorKind::Unreachable);
    assert_eq!(follower.cache.invalidate(Tag::new("own")).await, InvalidationOutcome::Deferred);
    follower.store.memory.heal();
    let begun = Instant::now();
    while follower.cache.health().deferred > 0 {
        sleep(MILLISECOND).await;
    }
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn no_confirmation_is_late_because_of_a_pause() {
    for staleness in [Duration::from_millis(100), STALENESS] {
        let mut follower = Follower::start(Some(u64::MAX), staleness).await;
        let before = follower.store.polls();
        follower.append_for(staleness * 4, 1).await;
        let polls = follower.store.polls() - before;
        // Sixteen in `max_staleness`, though timers end a little late.
        assert!((4 * 12..=4 * 17).contains(&polls), "{staleness:?}: {polls}");
        assert!(follower.longest_lag().await <= staleness / 10, "{staleness:?}");
        let before = follower.store.polls();
        sleep(staleness * 4).await;
        assert!(follower.store.polls() - before >= 4 * 4 - 1, "without events");
    }
}
