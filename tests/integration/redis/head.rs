//! Updates of the stored response to `GET` by a response to `HEAD` (RFC 9111 §4.3.5) apply in Redis
//! as well.

use std::time::Duration;

use http::Request;
use larder_tests::redis::{Answer, Instance, Setup, TickingClock, World, eventually};

const PATH: &str = "/headed/1";

/// Starts two instances with one clock. The second one has no memory tier, so that each request
/// shows the response in Redis.
async fn instances(world: &World, memory: u64) -> (TickingClock, Instance, Instance) {
    let clock = TickingClock::default();
    let setup = |memory| Setup { memory, clock: Some(clock.clone()), ..Setup::default() };
    (clock.clone(), world.joined(setup(memory)).await, world.joined(setup(0)).await)
}

/// Returns the changing field, the body, and the cache's outcome.
fn summary(answer: &Answer) -> (String, String, String) {
    (answer.field("x-value").to_owned(), answer.text().to_owned(), answer.outcome())
}

fn expected(value: &str, body: &str, outcome: &str) -> (String, String, String) {
    (value.to_owned(), body.to_owned(), outcome.to_owned())
}

async fn head(instance: &Instance, cache_control: &str) -> Answer {
    instance.send(Request::head(PATH).header("cache-control", cache_control)).await
}

/// Returns the bytes in Redis under this name.
async fn raw(world: &World, name: &str) -> Option<Vec<u8>> {
    let reply = world.redis.command(&["GET", name]).await.unwrap();
    reply.as_bytes().map(<[u8]>::to_vec)
}

/// Stores a value, changes it this many times, and sends `HEAD` until the change is known in Redis.
async fn headed(
    world: &World,
    (clock, a, b): (&TickingClock, &Instance, &Instance),
    changes: usize,
    (later, cache_control): (u64, &str),
) -> Answer {
    assert_eq!(summary(&a.get(PATH).await), expected("1", "body", "MISS never-stored"));
    let name = world.stored_as(PATH).await;
    let old = raw(world, &name).await;
    clock.advance(Duration::from_secs(later));
    a.joins().await;
    b.joins().await;
    for _ in 0..changes {
        let _ = world.truth.change(1);
    }
    let answer = head(a, cache_control).await;
    eventually("Redis has another one", async || raw(world, &name).await != old).await;
    answer
}

/// Stale, so that the handler has to run; or fresh, and the client refuses it.
const CASES: [(u64, &str, &str); 2] = [(61, "", "expired"), (1, "no-cache", "request")];

#[tokio::test]
async fn a_response_to_head_updates_what_is_in_redis() {
    for memory in [1 << 20, 0] {
        for (later, cache_control, reason) in CASES {
            let world = World::new().await;
            let (clock, a, b) = instances(&world, memory).await;
            let answer = headed(&world, (&clock, &a, &b), 1, (later, cache_control)).await;
            assert_eq!(summary(&answer), expected("2", "", &format!("MISS {reason}, not stored: method")));
            assert_eq!(summary(&b.get(PATH).await), expected("2", "body", "HIT shared"));
            assert_eq!(summary(&a.get(PATH).await).0, "2");
            assert_eq!((a.runs(), b.runs()), (2, 0));
        }
    }
}

/// RFC 9111 §4.3.5: "otherwise, the cache SHOULD consider the stored response to be stale."
#[tokio::test]
async fn a_response_that_head_contradicts_is_stale_in_redis_too() {
    for memory in [1 << 20, 0] {
        let world = World::new().await;
        let (clock, a, b) = instances(&world, memory).await;
        let answer = headed(&world, (&clock, &a, &b), 2, (1, "no-cache")).await;
        assert_eq!(summary(&answer), expected("3", "", "MISS request, not stored: method"));
        assert_eq!(summary(&b.get(PATH).await), expected("3", "body", "MISS expired"));
        assert_ne!(summary(&a.get(PATH).await).0, "1");
    }
}
