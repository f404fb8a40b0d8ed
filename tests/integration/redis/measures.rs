//! The measures of an instance's work with a real Redis.

use std::time::Duration;

use larder::InvalidationOutcome;
use larder_tests::redis::{Setup, World, eventually};

/// Far more than any lag here, and far less than what a mistake about units or clocks would make.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn each_instance_measures_the_lag_of_an_invalidation() {
    let world = World::new().await;
    let (a, b) = (world.joined(Setup::real()).await, world.joined(Setup::real()).await);
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    for instance in [&a, &b] {
        let lag = || instance.cache.stats().invalidation_lag;
        eventually("the entry is read", async || lag().count() == 1).await;
        assert!(lag().sum() < LONG, "{:?}", lag());
    }
    let appends = a.cache.stats().append_times;
    assert!(appends.count() == 1 && !appends.sum().is_zero() && appends.sum() < LONG, "{appends:?}");
    assert_eq!(b.cache.stats().append_times.count(), 0);
}

#[tokio::test]
async fn each_operation_takes_some_time() {
    let world = World::new().await;
    let a = world.joined(Setup::real()).await;
    a.get("/values/1").await;
    world.stored_as("/values/1").await;
    assert_eq!(a.update(1).await, InvalidationOutcome::Applied);
    let times = || a.cache.stats().store_times;
    eventually("the write is recorded", async || times().contains_key("write")).await;
    for operation in ["append", "lease", "poll", "read", "write"] {
        let times = &times()[operation];
        let mean = times.mean().unwrap();
        assert!(!mean.is_zero() && mean < LONG, "{operation}: {times:?}");
    }
}
