//! Failures that not every waiting request may get. The requests run the handler again, but not all
//! at once.

use std::sync::Arc;

use http::{Method, StatusCode};
use larder::Policy;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, Site, soon};
use tokio::task::{JoinHandle, yield_now};

use crate::support::{all, at_once, cache, hourly, secs, site_behind_door};

/// The number of requests that run the handler again for one key at once, by default.
const RERUNS: usize = 4;

fn unavailable() -> Answer {
    Answer::status(StatusCode::SERVICE_UNAVAILABLE)
}

/// Gives every other task the opportunity to go on.
async fn let_others_run() {
    for _ in 0..2_000 {
        yield_now().await;
    }
}

/// Returns a policy under which no follower takes itself for a request of the handler's own.
///
/// On a busy machine, 200 requests take longer to arrive than the default.
fn patient() -> Policy {
    hourly().own_request_wait(secs(600))
}

/// Sends requests with this value of `Accept-Encoding`.
fn accepting(site: &Arc<Site>, encoding: &'static str, count: usize) -> Vec<JoinHandle<Page>> {
    let ask = |_| {
        let site = Arc::clone(site);
        tokio::spawn(
            async move { site.ask(Method::GET, "/a").with("accept-encoding", encoding).send().await },
        )
    };
    (0..count).map(ask).collect()
}

/// Layers for CORS and compression add `Vary` to every response, to failures too.
#[tokio::test]
async fn a_failure_that_varies_is_shared_by_requests_with_the_same_fields() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| {
            let encoding = request.headers.get("accept-encoding").map(|value| value.as_bytes().to_vec());
            unavailable().header("vary", "Accept-Encoding").body(encoding.unwrap_or_default()).held_at(&gate)
        }
    });
    let (site, door) = site_behind_door(&cache, patient(), &origin).await;
    let zipped = accepting(&site, "gzip", 100);
    door.came(100).await;
    let plain = accepting(&site, "identity", 100);
    door.came(100).await;
    gate.open();
    for (pages, encoding) in [(all(zipped).await, "gzip"), (all(plain).await, "identity")] {
        assert!(pages.iter().all(|page| page.status == 503 && page.text() == encoding), "{encoding}");
    }
    assert_eq!(origin.calls(), 2, "one run for each variant");
    assert_eq!(cache.stats().stored, 0);
}

#[tokio::test]
async fn a_failure_that_must_not_be_shared_is_no_stampede() {
    type Failure = fn(Answer) -> Answer;
    let failures: [(&str, Failure); 6] = [
        ("one at a time", |answer| answer.header("cache-control", "no-store")),
        ("no-store", |answer| answer.header("cache-control", "no-store")),
        ("private", |answer| answer.header("cache-control", "private")),
        ("set-cookie", |answer| answer.header("set-cookie", "session=1")),
        ("vary: *", |answer| answer.header("vary", "*")),
        ("too large", |answer| answer.body(vec![b'x'; 2 * 1024 * 1024])),
    ];
    for (name, failure) in failures {
        let (cache, _) = cache();
        let (first, others) = (Gate::new(), Gate::new());
        let origin = Origin::new({
            let (first, others) = (first.clone(), others.clone());
            move |_, call| failure(unavailable()).held_at(if call == 1 { &first } else { &others })
        });
        let (policy, limit) = match name {
            "one at a time" => (patient().max_reruns(1), 1),
            _ => (patient(), RERUNS),
        };
        let (site, door) = site_behind_door(&cache, policy, &origin).await;
        let waiting = at_once(&site, "/a", 200);
        door.came(200).await;
        first.open();
        soon("the next runs", others.arrived(limit)).await;
        let_others_run().await;
        assert_eq!(origin.running(), limit, "{name}");
        others.open();
        assert!(all(waiting).await.iter().all(|page| page.status == 503), "{name}");
        assert_eq!(origin.calls(), 200, "{name}: each client has a response of its own");
    }
}

/// A handler that works again is asked once more, not by all that wait for their turn.
#[tokio::test]
async fn requests_that_wait_for_their_turn_get_the_response_that_another_one_stored() {
    let (cache, _) = cache();
    let (first, others) = (Gate::new(), Gate::new());
    let origin = Origin::new({
        let (first, others) = (first.clone(), others.clone());
        move |_, call| match call {
            1 => unavailable().header("cache-control", "no-store").held_at(&first),
            _ => Answer::ok("well again").held_at(&others),
        }
    });
    let (site, door) = site_behind_door(&cache, patient(), &origin).await;
    let waiting = at_once(&site, "/a", 200);
    door.came(200).await;
    first.open();
    soon("the next runs", others.arrived(RERUNS)).await;
    others.open();
    let pages = all(waiting).await;
    assert_eq!(pages.iter().filter(|page| page.text() == "well again").count(), 199);
    assert_eq!(origin.calls(), 1 + RERUNS);
}

/// The first followers lead a flight each, and all others wait for their turn.
#[tokio::test]
async fn a_panic_is_no_stampede() {
    let (cache, _) = cache();
    let (first, others) = (Gate::new(), Gate::new());
    let origin = Origin::new({
        let (first, others) = (first.clone(), others.clone());
        move |_, call| Answer::panicking("on purpose").held_at(if call <= 3 { &first } else { &others })
    });
    let (site, door) = site_behind_door(&cache, patient(), &origin).await;
    let breaks_off = |_| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.ask(Method::GET, "/a").head().await.is_err() })
    };
    let waiting: Vec<_> = (0..200).map(breaks_off).collect();
    door.came(200).await;
    first.open();
    soon("the next runs", others.arrived(RERUNS)).await;
    let_others_run().await;
    assert_eq!(origin.running(), RERUNS);
    others.open();
    assert!(all(waiting).await.iter().all(|broken| *broken));
}

/// The wait for a turn is bounded like every wait for other requests.
#[tokio::test]
async fn no_request_waits_for_its_turn_for_longer_than_the_limit_of_a_fill() {
    let (cache, _) = cache();
    let (first, others) = (Gate::new(), Gate::new());
    let origin = Origin::new({
        let (first, others) = (first.clone(), others.clone());
        move |_, call| {
            let failing = unavailable().header("cache-control", "no-store");
            failing.held_at(if call == 1 { &first } else { &others })
        }
    });
    let policy = patient().fill_timeout(secs(1));
    let (site, door) = site_behind_door(&cache, policy, &origin).await;
    let waiting = at_once(&site, "/a", 20);
    door.came(20).await;
    first.open();
    soon("all of them", others.arrived(19)).await;
    others.open();
    assert!(all(waiting).await.iter().all(|page| page.status == 503));
}
