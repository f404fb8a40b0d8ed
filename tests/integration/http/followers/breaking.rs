//! Bodies that break off.

use super::*;

/// The followers of a body that breaks off try again together, and get the rest.
#[tokio::test]
async fn a_follower_of_a_body_that_breaks_off_is_given_the_rest_by_another_run() {
    let (cache, _) = cache();
    let (gate, second) = (Gate::new(), Gate::new());
    let origin = Origin::new({
        let (gate, second) = (gate.clone(), second.clone());
        move |_, call| match call {
            1 => Answer::status(StatusCode::OK).steps([
                Step::data("one "),
                Step::data("two "),
                Step::Hold(gate.clone()),
                Step::fail("gone"),
            ]),
            // The same bytes, in other pieces.
            _ => parts(&["one tw", "o thr", "ee"], &second),
        }
    });
    let (site, _) = streaming(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(read(&mut leader, 8).await, b"one two ");
    let mut followers = Vec::new();
    for read_before in [0, 4, 8, 8, 8] {
        let mut follower = head(&site, "/a").await;
        assert!(read(&mut follower, read_before).await.len() >= read_before);
        followers.push((read_before, follower));
    }
    gate.open();
    assert!(rest(leader).await.is_err(), "its own client sees the error");
    soon("another run", second.arrived(1)).await;
    second.open();
    for (_, follower) in followers {
        let rest = rest(follower).await.unwrap();
        assert!(b"one two three".ends_with(&rest) && rest.ends_with(b"three"), "{rest:?}");
    }
    assert_eq!(origin.calls(), 2, "one run more for all of them");
    assert!(site.get("/a").await.is("HIT", "one two three"));
    assert_eq!(cache.stats().collapsed, 5);
    assert_eq!(cache.stats().misses.values().sum::<u64>(), 6, "each request is counted once");
}

/// Two halves that do not belong together are never combined.
#[tokio::test]
async fn a_follower_of_a_body_that_breaks_off_is_never_given_two_halves() {
    let answers = [
        // Other bytes.
        Answer::ok("first LAST and more").header("etag", "\"1\""),
        Answer::ok("FIRST last and more").header("etag", "\"1\""),
        // The same bytes, but not all of them.
        Answer::ok("fir").header("etag", "\"1\""),
        Answer::ok("first last").header("etag", "\"1\""),
        // The same bytes of another representation.
        Answer::ok("first last and more").header("etag", "\"2\""),
        Answer::ok("first last and more").header("etag", "\"1\"").header("content-encoding", "br"),
        Answer::status(StatusCode::NOT_FOUND).header("etag", "\"1\"").body("first last and more"),
        Answer::panicking("no more"),
    ];
    for other in answers {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let (gate, other) = (gate.clone(), other.clone());
            move |_, call| match call {
                1 => Answer::status(StatusCode::OK).header("etag", "\"1\"").steps([
                    Step::data("first "),
                    Step::data("last "),
                    Step::Hold(gate.clone()),
                    Step::fail("gone"),
                ]),
                _ => other.clone(),
            }
        });
        let (site, door) = streaming(&cache, hourly(), &origin).await;
        let mut leader = head(&site, "/a").await;
        assert_eq!(read(&mut leader, 11).await, b"first last ");
        door.came(1).await;
        let ask = format!("GET /a HTTP/1.1\r\nHost: {}\r\n\r\n", site.host());
        let mut follower = site.raw(&ask).await;
        follower.until("last ").await;
        gate.open();
        let read = follower.to_end().await;
        assert!(!read.ends_with("0\r\n\r\n"), "{other:?}: it looks whole: {read}");
        assert!(origin.calls() > 1, "{other:?}");
    }
}

/// A body that is too large for the cache is complete for streaming followers, if each run produces
/// the same bytes.
#[tokio::test]
async fn a_body_that_outgrows_the_cache_is_whole_for_all() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, _| {
            let rest = (0..6).map(|_| Step::data(vec![b'x'; 700]));
            let steps = [Step::data(vec![b'x'; 900]), Step::Hold(gate.clone())].into_iter().chain(rest);
            Answer::status(StatusCode::OK).steps(steps)
        }
    });
    let (site, _) = streaming(&cache, hourly().max_body(1_000), &origin).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut response = head(&site, "/a").await;
        let begin = read(&mut response, 900).await;
        open.push((begin, response));
    }
    assert_eq!(origin.calls(), 1);
    gate.open();
    for (begin, response) in open {
        let whole = [begin, rest(response).await.unwrap().to_vec()].concat();
        assert_eq!(whole, vec![b'x'; 5_100]);
    }
    assert_eq!(origin.calls(), 3);
    assert_eq!(cache.stats().stored, 0);
}

/// Until it ends, such a body looks as long as announced.
#[tokio::test]
async fn a_body_that_ends_early_is_completed_for_those_who_follow() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let answer = if call == 1 { parts(&["first ", ""], &gate) } else { Answer::ok("first last") };
            answer.header("content-length", "10")
        }
    });
    let (site, _) = streaming(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "first ");
    let mut follower = head(&site, "/a").await;
    assert_eq!(next(&mut follower).await, "first ");
    gate.open();
    assert_eq!(rest(follower).await.unwrap(), "last");
    assert!(rest(leader).await.is_err());
    counted(&cache, |stats| stats.stored == 1).await;
    assert_eq!(origin.calls(), 2);
}

/// An endless body without a typical media type is detected, and its follower runs the handler
/// itself.
#[tokio::test]
async fn a_follower_of_a_body_that_does_not_end_goes_on_by_itself() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| {
        let steps = [Step::data("tick "), Step::data(format!("by {call}")), Step::Stall];
        let first = [Step::data("tick "), Step::Stall];
        let steps = if call == 1 { first.to_vec() } else { steps.to_vec() };
        Answer::status(StatusCode::OK).steps(steps)
    });
    let (site, _) = streaming(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "tick ");
    let mut follower = head(&site, "/a").await;
    assert_eq!(next(&mut follower).await, "tick ");
    // Only tokio's clock limits bodies.
    tokio::time::pause();
    tokio::time::advance(secs(20)).await;
    tokio::time::resume();
    assert_eq!(next(&mut follower).await, "by 2");
    assert_eq!(origin.calls(), 2);
    assert_eq!(cache.stats().stored, 0);
}

/// A body type without errors could not report a broken body, so its followers get the complete
/// body.
#[tokio::test]
async fn a_body_that_could_not_be_failed_is_waited_for() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| match call {
            1 => Answer::status(StatusCode::OK).steps([
                Step::data("half"),
                Step::Hold(gate.clone()),
                Step::fail("gone"),
            ]),
            _ => Answer::ok("whole"),
        }
    });
    // The origin itself has its own error type.
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "half");
    door.came(1).await;
    let waiting = at_once(&site, "/a", 3);
    door.came(3).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.text() == "whole"));
    assert_eq!(origin.calls(), 2);
}
