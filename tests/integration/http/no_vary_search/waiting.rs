//! Requests that wait together.

use super::*;

#[tokio::test]
async fn of_many_requests_with_equivalent_queries_one_runs_the_handler() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let answer = Answer::ok(format!("v{call}")).header("no-vary-search", UTM);
            if call == 1 { answer } else { answer.held_at(&gate) }
        }
    });
    let (site, door) = site_behind_door(&cache, enabled(), &origin).await;
    assert!(site.get("/p?utm=0&id=0").await.is("MISS", "v1"));
    door.came(1).await;
    // Of another page without a stored response.
    let ask = |number: usize| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.get(&format!("/p?utm={number}&id=1")).await })
    };
    let waiting = (0..100).map(ask).collect();
    door.came(100).await;
    gate.open();
    for page in all(waiting).await {
        assert_eq!(page.summary(), ("MISS".into(), "v2".into()));
    }
    assert_eq!(origin.calls(), 2);
    assert_eq!(cache.stats().collapsed, 99);
    clock.advance(secs(3600));
    let stale = all((100..120).map(ask).collect()).await;
    assert!(stale.iter().all(|page| page.text() == "v3"), "{stale:?}");
    assert_eq!(origin.calls(), 3);
}

/// The body of one request also goes to requests with equivalent queries, while it arrives.
#[tokio::test]
async fn a_request_with_an_equivalent_query_has_the_body_as_it_arrives() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| {
            let steps = [Step::data("first "), Step::Hold(gate.clone()), Step::data("last")];
            Answer::status(StatusCode::OK).steps(steps).header("no-vary-search", UTM)
        }
    });
    let handler = Router::new().fallback_service(origin.clone());
    let site = Site::of(
        Router::new().fallback_service(cache.layer(enabled().follow_unknown_length()).layer(handler)),
    )
    .await;
    let mut first = site.ask(Method::GET, "/a?utm=1").head().await.unwrap();
    assert_eq!(crate::support::next(&mut first).await, "first ");
    // The field is known from the head on. The next request begins a flight, and later ones join
    // it.
    let mut second = site.ask(Method::GET, "/a?utm=2").head().await.unwrap();
    let mut third = site.ask(Method::GET, "/a?utm=3").head().await.unwrap();
    for response in [&mut second, &mut third] {
        assert_eq!(crate::support::next(response).await, "first ");
    }
    assert_eq!(origin.calls(), 2);
    gate.open();
    for mut response in [first, second, third] {
        assert_eq!(crate::support::next(&mut response).await, "last");
    }
    stored(&cache, 2).await;
    assert!(site.get("/a?utm=4").await.is("HIT", "first last"));
}

/// Requests wait together by the earlier field, and the response has another one.
#[tokio::test]
async fn requests_that_waited_for_the_wrong_response_are_answered_by_the_right_one() {
    for (then, runs) in [("", 10), (r#"params=("b")"#, 10), ("except=()", 1), (UTM, 1)] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |request, call| {
                let query = request.uri.query().unwrap_or_default().to_owned();
                let answer = Answer::ok(query);
                match call {
                    1 => answer.header("no-vary-search", UTM),
                    2 => answer.header("no-vary-search", then).held_at(&gate),
                    _ => answer.header("no-vary-search", then),
                }
            }
        });
        let (site, door) = site_behind_door(&cache, enabled(), &origin).await;
        site.get("/p?utm=0&id=0").await;
        door.came(1).await;
        // Four requests for each query, so that each can be filled once.
        let ask = |number: usize| {
            let site = Arc::clone(&site);
            let path = format!("/p?utm={}&id=1", number % 10);
            tokio::spawn(async move { (path.clone(), site.get(&path).await) })
        };
        let waiting = (0..40).map(ask).collect();
        door.came(40).await;
        gate.open();
        for (path, page) in all(waiting).await {
            assert_eq!(page.status, 200);
            assert!(answers(&page, &path), "{path} got {page:?}");
        }
        assert_eq!(origin.calls(), 1 + runs, "{then}");
    }
}

/// A failure is only for identical requests, because it has no `No-Vary-Search`.
#[tokio::test]
async fn a_failure_reaches_only_requests_with_the_same_query() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, call| {
            let text = request.uri.query().unwrap_or_default().to_owned();
            match call {
                2 => Answer::status(StatusCode::BAD_GATEWAY).body(text).held_at(&gate),
                _ => Answer::ok(text).header("no-vary-search", UTM),
            }
        }
    });
    let (site, door) = site_behind_door(&cache, enabled(), &origin).await;
    site.get("/p?id=0").await;
    door.came(1).await;
    let first = at_once(&site, "/p?id=1&utm=1", 1);
    soon("the handler has begun", gate.arrived(1)).await;
    door.came(1).await;
    let same = at_once(&site, "/p?id=1&utm=1", 3);
    let others = at_once(&site, "/p?id=1&utm=2", 3);
    door.came(6).await;
    gate.open();
    for page in all(first).await.into_iter().chain(all(same).await) {
        assert_eq!((page.status, page.text().as_str()), (StatusCode::BAD_GATEWAY, "id=1&utm=1"));
    }
    for page in all(others).await {
        assert_eq!((page.status, page.text().as_str()), (StatusCode::OK, "id=1&utm=2"));
    }
    assert_eq!(origin.calls(), 3);
}

/// A client that invents paths, all with the field, cannot fill the memory: even a cache of zero
/// bytes knows the field.
#[tokio::test]
async fn without_memory_requests_still_wait_together() {
    let cache = Cache::builder().max_memory_bytes(0).build();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let answer = Answer::ok("page").header("no-vary-search", UTM);
            if call == 1 { answer } else { answer.held_at(&gate) }
        }
    });
    let (site, door) = site_behind_door(&cache, enabled(), &origin).await;
    site.get("/p?utm=0").await;
    door.came(1).await;
    let waiting: Vec<_> = (1..10).flat_map(|number| at_once(&site, &format!("/p?utm={number}"), 1)).collect();
    door.came(9).await;
    gate.open();
    all(waiting).await;
    assert_eq!(origin.calls(), 2);
}
