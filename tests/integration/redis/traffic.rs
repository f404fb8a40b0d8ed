//! Faults of Redis during traffic on two instances.
//!
//! No client sees an error, no invalidated value comes back, and hits resume after the fault.

use std::time::Duration;

use larder_testing::Direction::{ToClient, ToServer};
use larder_tests::redis::{
    EVENTS, INCARNATION, Instance, RESPONSE, Setup, Summary, Traffic, VALUES, World, eventually,
};

/// Short, so that the traffic runs for several times as long.
const MAX_STALENESS: Duration = Duration::from_secs(1);

async fn two_instances(world: &World) -> [Instance; 2] {
    let setup = || Setup { max_staleness: MAX_STALENESS, ..Setup::real() };
    [world.joined(setup()).await, world.joined(setup()).await]
}

/// Runs traffic before, during and after `fault`.
async fn during(fault: impl AsyncFn(&World, &[Instance; 2], &Traffic)) -> Summary {
    let world = World::new().await;
    let instances = two_instances(&world).await;
    let [a, b] = &instances;
    let traffic = Traffic::start(&world.truth, MAX_STALENESS, &[a, b]);
    traffic.flows(500).await;
    fault(&world, &instances, &traffic).await;
    traffic.flows(1_500).await;
    let summary = traffic.stop().await;
    println!("{summary:?}");
    summary.is_right();
    is_over(&world, a, b).await;
    summary
}

/// Waits until current values are seen, and hits are shared.
async fn is_over(world: &World, a: &Instance, b: &Instance) {
    a.joins().await;
    b.joins().await;
    for id in 0..VALUES {
        let now = format!("v{}", world.truth.read(id));
        for instance in [a, b] {
            instance.shows(&format!("/values/{id}"), &now).await;
        }
    }
    for (one, other, path) in [(a, b, "/by-key/1"), (b, a, "/by-key/2")] {
        one.hits(path).await;
        eventually("hits are shared", async || other.get(path).await.field("x-cache") == "HIT").await;
    }
}

/// Checks the share of slow requests. Only an undetected fault would exceed it, even on a busy
/// machine.
fn few_were_slow(summary: &Summary) {
    assert!(summary.slow <= 40 + summary.requests / 10, "{} of {} were slow", summary.slow, summary.requests);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_and_started_again() {
    let summary = during(async |world, _, traffic| {
        world.redis.kill();
        traffic.flows(3_000).await;
        world.redis.restart().await.unwrap();
    })
    .await;
    few_were_slow(&summary);
    assert!(summary.deferred > 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restarted() {
    during(async |world, _, _| world.redis.restart().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hung() {
    let summary = during(async |world, _, traffic| {
        world.redis.pause().unwrap();
        traffic.flows(3_000).await;
        world.redis.resume().unwrap();
    })
    .await;
    few_were_slow(&summary);
    assert!(summary.deferred > 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hung_for_moments() {
    during(async |world, _, traffic| {
        for _ in 0..10 {
            world.redis.pause().unwrap();
            traffic.flows(100).await;
            world.redis.resume().unwrap();
            traffic.flows(100).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn emptied() {
    during(async |world, _, traffic| {
        for _ in 0..3 {
            world.command(&["FLUSHALL"]).await;
            traffic.flows(300).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn robbed_of_parts_of_the_log() {
    during(async |world, _, traffic| {
        let faults: [&[&str]; 6] = [
            &["DEL", EVENTS],
            &["DEL", INCARNATION],
            &["XTRIM", EVENTS, "MAXLEN", "0"],
            &["XTRIM", EVENTS, "MAXLEN", "3"],
            &["SET", EVENTS, "no stream"],
            &["SET", INCARNATION, "no record"],
        ];
        for fault in faults {
            world.command(fault).await;
            traffic.flows(300).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forgetful_of_scripts() {
    during(async |world, _, traffic| {
        for _ in 0..5 {
            world.command(&["SCRIPT", "FLUSH"]).await;
            traffic.flows(100).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full() {
    let summary = during(async |world, _, traffic| {
        world.command(&["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
        world.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
        traffic.flows(3_000).await;
        world.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    })
    .await;
    few_were_slow(&summary);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_for_one_of_two() {
    let summary = during(async |_, [_, b], traffic| {
        b.proxy.blackhole();
        traffic.flows(4_000).await;
        b.proxy.pass();
    })
    .await;
    few_were_slow(&summary);
    assert!(summary.applied > 0 && summary.deferred > 0, "{summary:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_off_again_and_again() {
    during(async |_, [a, b], traffic| {
        for _ in 0..5 {
            a.proxy.cut().await;
            traffic.flows(100).await;
            b.proxy.cut().await;
            traffic.flows(100).await;
            a.proxy.cut_after(ToClient, 1_000);
            b.proxy.cut_after(ToServer, 1_000);
            traffic.flows(100).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow() {
    during(async |_, [a, b], traffic| {
        a.proxy.delay(ToClient, Duration::from_millis(20));
        b.proxy.delay(ToServer, Duration::from_millis(60));
        traffic.flows(2_000).await;
        a.proxy.pass();
        b.proxy.pass();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbled() {
    during(async |_, [a, b], traffic| {
        a.proxy.corrupt(ToClient);
        // Stored responses have checksums. For the log, those of TCP have to be enough.
        b.proxy.rewrite(ToClient, |chunk| {
            if chunk.windows(RESPONSE.len()).any(|window| window == RESPONSE)
                && let Some(byte) = fastrand::choice(&mut *chunk)
            {
                *byte = fastrand::u8(..);
            }
        });
        traffic.flows(3_000).await;
        a.proxy.pass();
        b.proxy.pass();
    })
    .await;
}

/// Every request uses Redis: there is no memory tier, and the responses in Redis stay trusted all
/// the time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hung_redis_costs_few_requests_a_delay() {
    let world = World::new().await;
    let setup = Setup { memory: 0, max_staleness: Duration::from_secs(60), ..Setup::real() };
    let a = world.joined(setup).await;
    let traffic = Traffic::start_reading(&world.truth, &a);
    traffic.flows(500).await;
    world.redis.pause().unwrap();
    traffic.flows(2_000).await;
    world.redis.resume().unwrap();
    traffic.flows(500).await;
    let summary = traffic.stop().await;
    println!("{summary:?}");
    summary.is_right();
    few_were_slow(&summary);
    a.joins().await;
    a.hits("/values/1").await;
}
