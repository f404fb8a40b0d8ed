//! Bodies of unknown length, like those of a proxy or a compression layer.

use super::*;

/// Returns a site with default settings, behind a door.
async fn waiting(cache: &Cache, policy: Policy, origin: &Origin) -> (Arc<Site>, Door) {
    let handler = Router::new().fallback_service(origin.clone());
    behind_door(Router::new().fallback_service(cache.layer(policy).layer(handler))).await
}

/// Returns an origin whose body differs in each run, has this size, and ends when the gate opens.
fn differing(size: usize, gate: &Gate) -> Origin {
    let gate = gate.clone();
    Origin::new(move |_, call| {
        let body = vec![b'0' + u8::try_from(call % 10).unwrap(); size];
        let (first, last) = body.split_at(size / 2);
        Answer::status(StatusCode::OK).steps([
            Step::data(first.to_vec()),
            Step::Hold(gate.clone()),
            Step::data(last.to_vec()),
        ])
    })
}

#[tokio::test]
async fn one_run_is_enough_for_all_that_wait_for_the_whole() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = differing(500, &gate);
    let (site, door) = waiting(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await.len(), 250);
    door.came(1).await;
    let waiting = at_once(&site, "/a", 9);
    door.came(9).await;
    assert_eq!(origin.calls(), 1);
    gate.open();
    for page in all(waiting).await {
        assert_eq!(page.summary(), ("MISS".into(), "1".repeat(500)));
    }
    assert_eq!(rest(leader).await.unwrap().len(), 250);
    assert_eq!((origin.calls(), cache.stats().collapsed), (1, 9));
    assert!(site.get("/a").await.is("HIT", &"1".repeat(500)));
}

/// The body differs in each run, so that two halves never fit together.
#[tokio::test]
async fn a_body_that_outgrows_the_cache_breaks_for_nobody_and_is_not_waited_for_again() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = differing(5_000, &gate);
    let (site, door) = waiting(&cache, hourly().max_body(3_000), &origin).await;
    let pages = at_once(&site, "/a", 10);
    door.came(10).await;
    assert_eq!(origin.calls(), 1, "they wait");
    gate.open();
    for page in all(pages).await {
        assert_eq!(page.body.len(), 5_000);
        assert!(page.body.iter().all(|byte| *byte == page.body[0]), "two halves of two runs");
    }
    assert_eq!(origin.calls(), 10);
    // Each run while the key is hit-for-miss renews that time, and does not double it.
    let waits = [
        (59, "pass"),
        (59, "pass"),
        (61, "never-stored"),
        (119, "pass"),
        (119, "pass"),
        (121, "never-stored"),
    ];
    for (wait, reason) in waits {
        clock.advance(secs(wait));
        let page = site.get("/a").await;
        assert!(page.cache_status().contains(reason), "{wait}: {}", page.cache_status());
    }
    assert_eq!(cache.stats().stored, 0);
}

/// The leader's client does not read, and the body is larger than the buffers of its socket.
#[tokio::test]
async fn a_slow_reader_that_leads_holds_up_no_follower() {
    let cache = cache_for_large_bodies();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| {
            let parts = (0..150).map(|_| Step::data(vec![b'x'; 100_000]));
            Answer::status(StatusCode::OK)
                .steps([Step::data("y"), Step::Hold(gate.clone())].into_iter().chain(parts))
        }
    });
    let (site, door) = waiting(&cache, hourly().max_body(20_000_000), &origin).await;
    let mut slow = site.raw(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host())).await;
    slow.until("y").await;
    door.came(1).await;
    let pages = at_once(&site, "/a", 5);
    door.came(5).await;
    gate.open();
    assert!(all(pages).await.iter().all(|page| page.body.len() == 15_000_001));
    assert_eq!(origin.calls(), 1);
}

/// Only tokio's clock limits bodies.
#[tokio::test]
async fn no_request_waits_longer_than_the_policy_allows_and_the_body_is_stored() {
    let (cache, _) = cache();
    let gates = [Gate::new(), Gate::new()];
    let origin = Origin::new({
        let gates = gates.clone();
        move |_, call| {
            let gate = gates[usize::from(call > 1)].clone();
            Answer::status(StatusCode::OK).steps([Step::data("a"), Step::Hold(gate), Step::data("b")])
        }
    });
    let (site, door) = waiting(&cache, hourly(), &origin).await;
    let leader = head(&site, "/a").await;
    door.came(1).await;
    let waiting = at_once(&site, "/a", 3);
    door.came(3).await;
    assert_eq!(origin.calls(), 1);
    tokio::time::pause();
    tokio::time::advance(secs(1)).await;
    tokio::time::resume();
    soon("their own runs", gates[1].arrived(3)).await;
    gates[1].open();
    assert!(all(waiting).await.iter().all(|page| page.text() == "ab"));
    gates[0].open();
    assert_eq!(rest(leader).await.unwrap(), "ab");
    assert!(site.get("/a").await.is("HIT", "ab"));
}

#[tokio::test]
async fn a_stream_by_its_type_is_waited_for_by_nobody() {
    for kind in [
        "text/event-stream",
        "application/x-ndjson",
        "Application/JSON-seq",
        "multipart/x-mixed-replace; boundary=x",
        "application/grpc+proto",
    ] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let answer = Answer::status(StatusCode::OK).header("content-type", kind);
        let origin = Origin::always(answer.steps([Step::data("1\n"), Step::Hold(gate.clone())]));
        let (site, _) = waiting(&cache, hourly(), &origin).await;
        let mut open = Vec::new();
        for _ in 0..3 {
            let mut response = head(&site, "/a").await;
            assert_eq!(next(&mut response).await, "1\n", "{kind}");
            open.push(response);
        }
        assert_eq!((origin.calls(), cache.stats().not_stored["endless"]), (3, 3), "{kind}");
    }
}
