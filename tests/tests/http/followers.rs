//! Requests that join a fill get its body while it arrives.

use std::sync::Arc;

use axum::Router;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use larder::{Cache, Policy, Tag, Tags};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Site, soon};
use tower::Layer as _;

use crate::support::{Door, all, at_once, cache, counted, hourly, next, secs};

/// A site whose bodies can fail, as an axum handler's can, behind a door.
async fn streaming(cache: &Cache, policy: Policy, origin: &Origin) -> (Arc<Site>, Door) {
    let handler = Router::new().fallback_service(origin.clone());
    behind_door(Router::new().fallback_service(cache.layer(policy).layer(handler))).await
}

async fn behind_door(router: Router) -> (Arc<Site>, Door) {
    let door = Door::new();
    (Arc::new(Site::of(door.before(router)).await), door)
}

/// A body in parts, and a gate before the last.
fn parts(parts: &[&'static str], gate: &Gate) -> Answer {
    let (last, first) = parts.split_last().unwrap();
    let first = first.iter().map(|part| Step::data(*part));
    Answer::status(StatusCode::OK).steps(first.chain([Step::Hold(gate.clone()), Step::data(*last)]))
}

async fn head(site: &Site, path: &str) -> Response<Incoming> {
    site.ask(Method::GET, path).head().await.unwrap()
}

/// Reads so many bytes.
async fn read(response: &mut Response<Incoming>, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        bytes.extend_from_slice(&next(response).await);
    }
    bytes
}

/// The rest of a body, or its error.
async fn rest(response: Response<Incoming>) -> Result<Bytes, hyper::Error> {
    soon("the end of a body", response.into_body().collect()).await.map(http_body_util::Collected::to_bytes)
}

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

/// More than the buffers of a socket hold, so that who does not read would be noticed.
#[tokio::test]
async fn a_follower_that_does_not_read_holds_nobody_up() {
    let (cache, _) = cache();
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
    // And it has all of it once it reads.
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

/// Those who follow a body that breaks off ask again, together, and get what they were promised.
#[tokio::test]
async fn who_follows_a_body_that_breaks_off_is_given_the_rest_by_another_run() {
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
            // In other pieces.
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
    assert!(rest(leader).await.is_err(), "its own client is told");
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

/// Two halves that do not belong together are never taken for a whole.
#[tokio::test]
async fn who_follows_a_body_that_breaks_off_is_never_given_two_halves() {
    let answers = [
        // Other bytes.
        Answer::ok("first LAST and more").header("etag", "\"1\""),
        Answer::ok("FIRST last and more").header("etag", "\"1\""),
        // The same, and not all of them.
        Answer::ok("fir").header("etag", "\"1\""),
        Answer::ok("first last").header("etag", "\"1\""),
        // The same of something else.
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

/// What turns out too large passes by, for those who follow it too.
#[tokio::test]
async fn a_body_that_outgrows_the_cache_is_whole_for_all() {
    let (cache, clock) = cache();
    let body = |call: usize| {
        let mut body = vec![b'x'; 5_000];
        // From the second round on, no two runs make the same.
        if call > 3 {
            body[0] = b'0' + u8::try_from(call).unwrap();
        }
        body
    };
    let gates = [Gate::new(), Gate::new()];
    let origin = Origin::new({
        let gates = gates.clone();
        move |_, call| {
            let body = body(call);
            let gate = gates[usize::from(call > 3)].clone();
            let (first, last) = body.split_at(900);
            let last = last.chunks(700).map(|part| Step::data(part.to_vec()));
            let steps = [Step::data(first.to_vec()), Step::Hold(gate)].into_iter().chain(last);
            Answer::status(StatusCode::OK).steps(steps)
        }
    });
    let (site, door) = streaming(&cache, hourly().max_body(1_000), &origin).await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut response = head(&site, "/a").await;
        let begin = read(&mut response, 900).await;
        open.push((begin, response));
    }
    assert_eq!(origin.calls(), 1);
    gates[0].open();
    for (begin, response) in open {
        let whole = [begin, rest(response).await.unwrap().to_vec()].concat();
        assert_eq!(whole, body(1));
    }
    assert_eq!(origin.calls(), 3);

    // It is remembered, also when those who come join again: nobody is promised what cannot be kept.
    clock.advance(secs(11));
    door.came(3).await;
    let waiting = at_once(&site, "/a", 3);
    soon("the next run", gates[1].arrived(1)).await;
    door.came(3).await;
    gates[1].open();
    let mut pages: Vec<_> = all(waiting).await.into_iter().map(|page| page.body).collect();
    pages.sort();
    assert_eq!(pages, [4, 5, 6].map(|call| Bytes::from(body(call))));
    assert_eq!(cache.stats().stored, 0);
}

/// A site of which the policy or the handler says what its responses are named by.
async fn named(cache: &Cache, by_handler: bool, origin: &Origin) -> (Arc<Site>, Door) {
    let handler = Router::new().fallback_service(origin.clone());
    let name = move |response: Response<axum::body::Body>| async move {
        (by_handler.then(|| Tags::from(["thing"])), response)
    };
    let policy = if by_handler { hourly() } else { hourly().tag("thing") };
    let layer = cache.layer(policy);
    let handler = handler.layer(axum::middleware::map_response(name));
    behind_door(Router::new().fallback_service(layer.layer(handler))).await
}

/// Rule 13: who comes after an invalidation is given nothing of what the fill read before, and need not wait for it.
#[tokio::test]
async fn who_comes_after_an_invalidation_does_not_follow_what_was_read_before() {
    for (by_handler, soft) in [(false, false), (false, true), (true, false), (true, true)] {
        let (cache, _) = cache();
        let (gate, second) = (Gate::new(), Gate::new());
        let origin = Origin::queue([parts(&["old ", "v1"], &gate), parts(&["new ", "v2"], &second)]);
        let (site, door) = named(&cache, by_handler, &origin).await;
        let mut before = head(&site, "/a").await;
        assert_eq!(next(&mut before).await, "old ");
        let mut joined = head(&site, "/a").await;
        assert_eq!(next(&mut joined).await, "old ");
        door.came(2).await;

        let what = larder::Invalidation::of(Tag::new("thing"));
        cache.invalidate(if soft { what.soft() } else { what }).await;
        // Not held up by the first gate, for which the first two still wait; and one of them runs the handler for all.
        let after = at_once(&site, "/a", 5);
        door.came(5).await;
        soon("another run", second.arrived(1)).await;
        second.open();
        assert!(all(after).await.iter().all(|page| page.is("MISS", "new v2")), "{by_handler} {soft}");
        gate.open();
        for earlier in [before, joined] {
            assert_eq!(rest(earlier).await.unwrap(), "v1");
        }
        assert!(site.get("/a").await.is("HIT", "new v2"), "{by_handler} {soft}");
        assert_eq!(origin.calls(), 2);
    }
}

/// Rule 13: what the response is named by is known when its head comes, and then it is looked at: who joined after an
/// invalidation does not follow.
#[tokio::test]
async fn who_joined_after_an_invalidation_does_not_follow_once_the_head_has_come() {
    let (cache, _) = cache();
    let (late, gate) = (Gate::new(), Gate::new());
    let origin = Origin::queue([parts(&["old ", "v1"], &gate).held_at(&late), Answer::ok("v2")]);
    let (site, door) = named(&cache, true, &origin).await;
    let before = at_once(&site, "/a", 1);
    soon("the first run", late.arrived(1)).await;
    cache.invalidate(Tag::new("thing")).await;
    door.came(1).await;
    let after = at_once(&site, "/a", 3);
    door.came(3).await;
    assert_eq!(origin.calls(), 1, "nobody knows yet that it waits in vain");
    late.open();
    assert!(all(after).await.iter().all(|page| page.text() == "v2"));
    assert_eq!(origin.calls(), 2);
    gate.open();
    assert_eq!(all(before).await[0].text(), "old v1");
    assert!(site.get("/a").await.is("HIT", "v2"));
}

/// Who may want less than the whole, or another variant, waits for the end.
#[tokio::test]
async fn who_wants_something_else_waits_for_the_end() {
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
    assert!(waiting.iter().all(|task| !task.is_finished()));
    assert_eq!(origin.calls(), 1);
    gate.open();
    let [head, not_modified, english, other] = all(waiting).await.try_into().unwrap();
    assert_eq!((head.status, head.field("content-length").as_str()), (StatusCode::OK, "9"));
    assert_eq!(not_modified.status, StatusCode::NOT_MODIFIED);
    assert_eq!((english.text().as_str(), other.text().as_str()), ("one two", "one two"));
    assert_eq!(rest(leader).await.unwrap(), "zwei");
    assert_eq!(origin.calls(), 2);
}

/// What ends before it is as long as it said.
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

/// What does not say that it is endless is found out, and who follows it goes on with a run of its own.
#[tokio::test]
async fn who_follows_a_body_that_does_not_end_goes_on_by_itself() {
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
    // By tokio's clock, as a body has no other.
    tokio::time::pause();
    tokio::time::advance(secs(20)).await;
    tokio::time::resume();
    assert_eq!(next(&mut follower).await, "by 2");
    assert_eq!(origin.calls(), 2);
    assert_eq!(cache.stats().stored, 0);
}

/// A body whose errors cannot be made could not be ended if it broke off: those who wait for it are given it whole.
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
    // The origin itself, whose errors are its own.
    let (site, door) =
        behind_door(Router::new().fallback_service(cache.layer(hourly()).layer(origin.clone()))).await;
    let mut leader = head(&site, "/a").await;
    assert_eq!(next(&mut leader).await, "half");
    door.came(1).await;
    let waiting = at_once(&site, "/a", 3);
    door.came(3).await;
    gate.open();
    assert!(all(waiting).await.iter().all(|page| page.text() == "whole"));
    assert_eq!(origin.calls(), 2);
}
