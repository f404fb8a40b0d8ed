//! The claims of an instance that waits for the fill of another one, in paused time.

use std::io;
use std::time::Duration;

use larder::Cache;
use larder::values::Values;
use larder_testing::Gate;
use tokio::time::{Instant, sleep};

use crate::counting::Counting;

/// Waits for a fill that takes so long, as one of so many instances.
///
/// Returns the number of claims, and how long after the end of the fill its value was found.
async fn wait_for_fill(instances: u64, fill: Duration) -> (usize, Duration) {
    let store = Counting::new(Some(instances));
    let caches = [(); 2].map(|()| Cache::builder().shared_store(store.clone()).build());
    let [filling, waiting]: [Values<u8, String>; 2] =
        caches.each_ref().map(|cache| cache.values("name").build().unwrap());
    sleep(Duration::from_secs(1)).await;
    let gate = Gate::new();
    let held = gate.clone();
    tokio::spawn(async move {
        let load = async || {
            held.pass().await;
            Ok::<_, io::Error>(Some("first".to_owned()))
        };
        filling.get_or_load(&1, load).await.unwrap();
    });
    gate.arrived(1).await;
    let (before, begun) = (store.claims(), Instant::now());
    tokio::spawn(async move {
        sleep(fill).await;
        gate.open();
    });
    let load = async || Ok::<_, io::Error>(Some("second".to_owned()));
    let value = waiting.get_or_load(&1, load).await.unwrap().unwrap();
    assert_eq!(*value, "first");
    (store.claims() - before, begun.elapsed() - fill)
}

#[tokio::test(start_paused = true)]
async fn many_instances_claim_more_rarely_during_a_long_fill() {
    let millis = Duration::from_millis;
    // A claim every 22 ms on average, whatever the duration is.
    let (claims, late) = wait_for_fill(50, millis(5_000)).await;
    assert!((200..=260).contains(&claims) && late <= millis(26), "{claims} {late:?}");
    let (claims, late) = wait_for_fill(200, millis(5_000)).await;
    assert!((65..=95).contains(&claims) && late <= millis(101), "{claims} {late:?}");
    // A short fill is found as soon as with a few instances.
    for instances in [2, 200, u64::MAX] {
        let (claims, late) = wait_for_fill(instances, millis(300)).await;
        assert!((15..=23).contains(&claims) && late <= millis(26), "{instances}: {claims} {late:?}");
    }
}
