//! Complete bodies, and their followers.

use super::*;

#[tokio::test]
async fn a_follower_has_the_first_bytes_before_the_last_are_made() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(parts(&["first ", "last"], &gate).header("x-of", "the handler"));
    let (site, _) = streaming(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "first ");

    let mut follower = head(&site, "/a").await;
    assert_eq!(follower.headers()["x-cache"], "MISS");
    assert_eq!(follower.headers()["cache-status"], "Larder; fwd=uri-miss; collapsed; detail=never-stored");
    assert_eq!(follower.headers()["x-of"], "the handler");
    assert_eq!(follower.headers()["age"], "0");
    assert_eq!(next(&mut follower).await, "first ");
    assert_eq!(cache.stats().stored, 0, "it is still being made");
    gate.open();
    for body in [leader, follower] {
        assert_eq!(rest(body).await.unwrap(), "last");
    }
    assert!(site.get("/a").await.is("HIT", "first last"));
    assert_eq!((origin.calls(), cache.stats().collapsed), (1, 1));
    assert_eq!(cache.stats().misses.values().sum::<u64>(), 2, "each request is counted once");
}

#[tokio::test]
async fn a_late_follower_gets_all_of_it() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(parts(&["a", "b", "c", "d"], &gate));
    let (site, _) = streaming(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(read(&mut leader, 3).await, b"abc");
    let mut late = head(&site, "/a").await;
    assert_eq!(read(&mut late, 3).await, b"abc");
    let later = head(&site, "/a").await;
    gate.open();
    assert_eq!(rest(late).await.unwrap(), "d");
    assert_eq!(rest(later).await.unwrap(), "abcd");
    assert_eq!(origin.calls(), 1);
}

/// More than the buffers of a socket hold, so that a follower that does not read would be noticed.
#[tokio::test]
async fn a_follower_that_does_not_read_holds_nobody_up() {
    let cache = cache_for_large_bodies();
    let gate = Gate::new();
    let part = Bytes::from(vec![b'x'; 100_000]);
    let parts = (0..150).map(|_| Step::data(part.clone()));
    let steps = [Step::data("y"), Step::Hold(gate.clone())].into_iter().chain(parts);
    let origin = Origin::always(Answer::status(StatusCode::OK).steps(steps));
    let (site, door) = streaming(&cache, hourly().max_body(20_000_000), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "y");
    door.came(1).await;
    let mut slow = site.raw(&format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host())).await;
    slow.until("y").await;
    let mut others = Vec::new();
    for _ in 0..9 {
        let mut other = head(&site, "/a").await;
        assert_eq!(next(&mut other).await, "y");
        others.push(tokio::spawn(async move { rest(other).await.unwrap().len() }));
    }
    gate.open();
    assert_eq!(all(others).await, [15_000_000; 9]);
    // It receives everything once it reads.
    slow.until("\r\n0\r\n\r\n").await;
    assert_eq!(rest(leader).await.unwrap().len(), 15_000_000);
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn clients_that_leave_disturb_nobody() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(parts(&["first ", "last"], &gate));
    let (site, door) = streaming(&cache, hourly(), &origin).await;
    let ask = format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host());
    let mut leader = site.raw(&ask).await;
    leader.until("first ").await;
    door.came(1).await;
    let mut leaves = site.raw(&ask).await;
    leaves.until("first ").await;
    let mut stays = head(&site, "/a").await;
    assert_eq!(next(&mut stays).await, "first ");
    drop((leader, leaves));
    gate.open();
    assert_eq!(rest(stays).await.unwrap(), "last");
    assert!(site.get("/a").await.is("HIT", "first last"));
    assert_eq!(origin.calls(), 1);
}

/// A request that needs no body or another variant does not wait for the end.
#[tokio::test]
async fn a_request_for_something_else_does_not_wait_for_the_end() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| {
            let language = request.headers.get("accept-language").map_or("", |value| value.to_str().unwrap());
            let answer =
                if language == "de" { parts(&["eins ", "zwei"], &gate) } else { Answer::ok("one two") };
            answer.header("vary", "accept-language").header("etag", format!("\"{language}\""))
        }
    });
    let (site, door) = streaming(&cache, hourly(), &origin).await;
    let ask = |method| site.ask(method, "/a").with("accept-language", "de");
    let mut leader = ask(Method::GET).head().await.unwrap();
    assert_eq!(next(&mut leader).await, "eins ");
    door.came(1).await;
    let spawn = |method, fields: &'static [(&'static str, &'static str)]| {
        let site = Arc::clone(&site);
        tokio::spawn(async move {
            let ask = site.ask(method, "/a");
            fields.iter().fold(ask, |ask, (name, value)| ask.with(name, value)).send().await
        })
    };
    const DE: (&str, &str) = ("accept-language", "de");
    let waiting = vec![
        spawn(Method::HEAD, &[DE]),
        spawn(Method::GET, &[DE, ("if-none-match", "\"de\"")]),
        spawn(Method::GET, &[("accept-language", "en")]),
        spawn(Method::GET, &[("accept-language", "en")]),
    ];
    door.came(4).await;
    let [head, not_modified, english, other] = all(waiting).await.try_into().unwrap();
    assert_eq!((head.status, head.field("content-length").as_str()), (StatusCode::OK, ""));
    assert_eq!(not_modified.status, StatusCode::NOT_MODIFIED);
    assert_eq!((english.text().as_str(), other.text().as_str()), ("one two", "one two"));
    gate.open();
    assert_eq!(rest(leader).await.unwrap(), "zwei");
    assert_eq!(origin.calls(), 2);
}
