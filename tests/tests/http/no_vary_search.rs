//! Requests whose queries differ in what means nothing: `No-Vary-Search` (draft-ietf-httpbis-no-vary-search-10).

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use http::{Method, StatusCode};
use larder::{Cache, Invalidated, Invalidation, Policy, UriName};
use larder_core::http::no_vary_search::UrlVariation;
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Page, Site, soon};
use tower::Layer as _;

use crate::support::{Door, all, at_once, cache, hourly, secs, site, stored};

const UTM: &str = r#"params=("utm" "ref")"#;

fn heeding() -> Policy {
    hourly().no_vary_search()
}

/// Answers with the query that it was asked for, and how often it was asked, and says this of queries.
fn saying(field: &'static str) -> Origin {
    Origin::new(move |request, call| {
        Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-"))).header("no-vary-search", field)
    })
}

async fn told(site: &Site, paths: &[&str]) -> Vec<(String, String)> {
    let mut told = Vec::new();
    for path in paths {
        told.push(site.get(path).await.told());
    }
    told
}

#[tokio::test]
async fn equivalent_queries_and_no_others_are_answered_by_one_response() {
    let cases: [(&str, &str, &[&str], &[&str]); 6] = [
        (
            UTM,
            "/a?id=1&utm=x",
            &["/a?id=1", "/a?utm=y&ref=z&id=1", "/a?%69d=%31&&", "/a?id=1"],
            &["/a?id=2", "/a", "/b?id=1"],
        ),
        ("key-order", "/a?b=1&a=2", &["/a?a=2&b=1"], &["/a?a=2&b=1&c", "/a?a=1&b=2"]),
        (r#"except=("id")"#, "/a?id=1&x=2", &["/a?y&id=1"], &["/a?ID=1", "/a?id=1&id=1"]),
        ("except=()", "/a?x", &["/a", "/a?y=1&z"], &["/A"]),
        (
            r#"params=("utm"), except=("id")"#,
            "/a?id=1&utm=x",
            &["/a?id=1&utm=x"],
            &["/a?id=1", "/a?utm=x&id=1"],
        ),
        // Valid in earlier drafts.
        ("params", "/a?x", &["/a?x"], &["/a", "/a?y"]),
    ];
    for (field, first, same, others) in cases {
        let (cache, _) = cache();
        let site = site(&cache, heeding(), &saying(field)).await;
        let made = site.get(first).await;
        assert_eq!(made.x_cache(), "MISS");
        for path in same {
            let page = site.get(path).await;
            assert_eq!(page.told(), ("HIT".into(), made.text()), "{path} under {field}");
            assert_eq!(page.field("no-vary-search"), field);
        }
        for path in others {
            assert_eq!(site.get(path).await.x_cache(), "MISS", "{path} under {field}");
        }
    }
}

#[tokio::test]
async fn it_is_heeded_where_the_policy_says_so_and_the_uri_makes_the_key() {
    let cases = [
        (hourly(), "MISS"),
        (heeding(), "HIT"),
        (Policy::rfc9111(), "MISS"),
        (Policy::rfc9111().no_vary_search(), "HIT"),
        (heeding().key_with(|parts| Some(parts.uri.to_string())), "MISS"),
    ];
    for (number, (policy, expected)) in cases.into_iter().enumerate() {
        let (cache, _) = cache();
        let origin = Origin::always(
            Answer::ok("page").header("no-vary-search", UTM).header("cache-control", "max-age=60"),
        );
        let site = site(&cache, policy, &origin).await;
        site.get("/a?utm=1").await;
        assert_eq!(site.get("/a?utm=2").await.x_cache(), expected, "{number}");
        assert_eq!(site.get("/a?utm=1").await.x_cache(), "HIT", "{number}");
    }
}

/// What else is in the key keeps requests apart, and the policy's own rules come first.
#[tokio::test]
async fn it_goes_with_the_rest_of_the_key() {
    let (cache, _) = cache();
    let policy = heeding()
        .query_ignoring(["session"])
        .partition(|parts| parts.headers.get("tenant").map(|tenant| tenant.to_str().unwrap().to_owned()));
    let site = site(&cache, policy, &saying(UTM)).await;
    let ask =
        async |path: &str, tenant: &str| site.ask(Method::GET, path).with("tenant", tenant).send().await;
    let made = ask("/a?id=1&utm=1&session=x", "one").await;
    assert!(ask("/a?session=y&id=1&ref=3", "one").await.is("HIT", &made.text()));
    assert_eq!(ask("/a?id=1&utm=1&session=x", "two").await.x_cache(), "MISS");
    assert_eq!(
        site.get("/a?id=1&utm=1&session=x").await.cache_status(),
        "Larder; fwd=bypass; fwd-status=200; detail=no-key"
    );
}

/// To a handler that separates parameters by semicolons, too, `utm=1;id=2` is another page.
#[tokio::test]
async fn a_query_with_a_semicolon_answers_for_itself_alone() {
    let (cache, _) = cache();
    let site = site(&cache, heeding(), &saying(UTM)).await;
    let seen =
        told(&site, &["/a?utm=1", "/a", "/a?utm=1;id=2", "/a?utm=2;id=2", "/a?utm=1;id=2", "/a"]).await;
    let outcomes: Vec<_> = seen.iter().map(|(outcome, _)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["MISS", "HIT", "MISS", "MISS", "HIT", "HIT"]);
    assert_eq!(seen[5].1, "utm=1 #1");
}

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
    let door = Door::new();
    let router = Router::new().fallback_service(cache.layer(heeding()).layer(origin.clone()));
    let site = Arc::new(Site::of(door.before(router)).await);
    assert!(site.get("/p?utm=0&id=0").await.is("MISS", "v1"));
    door.came(1).await;
    // Of another page, of which nothing is stored.
    let ask = |number: usize| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { site.get(&format!("/p?utm={number}&id=1")).await })
    };
    let waiting = (0..100).map(ask).collect();
    door.came(100).await;
    gate.open();
    for page in all(waiting).await {
        assert_eq!(page.told(), ("MISS".into(), "v2".into()));
    }
    assert_eq!(origin.calls(), 2);
    assert_eq!(cache.stats().collapsed, 99);
    clock.advance(secs(3600));
    let stale = all((100..120).map(ask).collect()).await;
    assert!(stale.iter().all(|page| page.text() == "v3"), "{stale:?}");
    assert_eq!(origin.calls(), 3);
}

/// The body of one request, for others with equivalent queries, as it arrives.
#[tokio::test]
async fn who_waits_with_an_equivalent_query_has_the_body_as_it_arrives() {
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
    let site = Site::of(Router::new().fallback_service(cache.layer(heeding()).layer(handler))).await;
    let mut first = site.ask(Method::GET, "/a?utm=1").head().await.unwrap();
    assert_eq!(crate::support::next(&mut first).await, "first ");
    // From the head on it is known; who comes now begins one flight, and who comes then joins that.
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

/// The newest response says which, and none is given to who it does not answer by its own word.
#[tokio::test]
async fn what_responses_say_may_change() {
    let (cache, clock) = cache();
    let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(r#"params=("a")"#));
    let origin = Origin::new({
        let field = Arc::clone(&field);
        move |request, call| {
            Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-")))
                .header("no-vary-search", *field.lock().unwrap())
        }
    });
    let site = site(&cache, heeding(), &origin).await;
    assert!(site.get("/p?a=1&b=1").await.is("MISS", "a=1&b=1 #1"));
    assert!(site.get("/p?a=2&b=1").await.is("HIT", "a=1&b=1 #1"));
    *field.lock().unwrap() = r#"params=("b")"#;
    assert!(site.get("/p?a=3&b=3").await.is("MISS", "a=3&b=3 #2"));
    // From now on by the new word: what was stored by the old one is another matter, and ages out.
    assert!(site.get("/p?a=3&b=4").await.is("HIT", "a=3&b=3 #2"));
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "a=2&b=1 #3"));
    assert!(site.get("/p?a=2&b=9").await.is("HIT", "a=2&b=1 #3"));
    // Nothing at all: what says nothing answers for itself, and does not make the others forgotten.
    *field.lock().unwrap() = "";
    assert!(site.get("/p?a=5&b=1").await.is("MISS", "a=5&b=1 #4"));
    assert!(site.get("/p?a=5&b=2").await.is("MISS", "a=5&b=2 #5"));
    assert!(site.get("/p?a=5&b=1").await.is("HIT", "a=5&b=1 #4"));
    assert!(site.get("/p?a=2&b=7").await.is("HIT", "a=2&b=1 #3"));
    clock.advance(secs(3600 * 2));
    assert!(site.get("/p?a=2&b=7").await.is("MISS", "a=2&b=7 #6"));
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "a=2&b=1 #7"));
}

/// An invalidation counts for what was stored by an older word, too: which equivalents there were then is not known any
/// more when the URI is named.
#[tokio::test]
async fn who_invalidates_a_uri_sees_nothing_older_that_is_found_again() {
    let (cache, _) = cache();
    let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(r#"params=("a")"#));
    let origin = Origin::new({
        let field = Arc::clone(&field);
        move |_, call| Answer::ok(format!("v{call}")).header("no-vary-search", *field.lock().unwrap())
    });
    let site = site(&cache, heeding(), &origin).await;
    site.get("/p?a=1&b=1").await;
    *field.lock().unwrap() = r#"params=("b")"#;
    site.get("/p?a=9&b=9").await;
    cache.invalidate(UriName::new("/p?a=2&b=1").unwrap()).await;
    *field.lock().unwrap() = r#"params=("a")"#;
    site.get("/p?a=8&b=8").await;
    assert!(site.get("/p?a=3&b=1").await.is("HIT", "v1"), "it is found again");
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "v4"));
    assert!(site.get("/p?a=3&b=1").await.is("HIT", "v4"));
}

/// Requests wait together by what was said before, and are told something else.
#[tokio::test]
async fn who_waited_for_what_does_not_answer_them_is_answered_by_what_does() {
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
        let door = Door::new();
        let router = Router::new().fallback_service(cache.layer(heeding()).layer(origin.clone()));
        let site = Arc::new(Site::of(door.before(router)).await);
        site.get("/p?utm=0&id=0").await;
        door.came(1).await;
        // Four of each query, so that each can be made once.
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

/// Whether the response says of itself that it answers this path; its body is the query that it was made for.
fn answers(page: &Page, path: &str) -> bool {
    let query = path.split_once('?').map(|(_, query)| query);
    let made_for = page.text();
    let made_for = made_for.split(' ').next().filter(|query| !query.is_empty() && *query != "-");
    match UrlVariation::of(&page.headers) {
        None => query == made_for,
        Some(variation) => variation.canonical(query) == variation.canonical(made_for),
    }
}

/// The first promise: whoever invalidates a URI is not shown under it what was made before, for whichever equivalent.
#[tokio::test]
async fn who_invalidates_a_uri_sees_nothing_older_under_it() {
    for (made_for, invalidated, asked) in [
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=2&id=1"),
        ("/p?utm=1&id=1", "/p?id=1", "/p?id=1"),
        ("/p?utm=1&id=1", "http://shop.example/p?utm=2&id=1", "/p?utm=2&id=1"),
        // Its equivalents, which are known here, are gone with it.
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=1&id=1"),
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=3&id=1"),
        ("/p?utm=1&id=1", "http://shop.example/p?utm=2&id=1", "/p?utm=3&id=1"),
        ("/p?utm=1", "/p", "/p?utm=3"),
        ("/p", "/p?utm=2", "/p"),
    ] {
        for soft in [false, true] {
            let (cache, _) = cache();
            let site = site(&cache, heeding(), &saying(UTM)).await;
            let ask =
                async |path: &str| site.ask(Method::GET, path).with("host", "shop.example").send().await;
            assert_eq!(ask(made_for).await.x_cache(), "MISS");
            assert_eq!(ask("/p?utm=5&id=7").await.x_cache(), "MISS");
            let what = Invalidation::from(UriName::new(invalidated).unwrap());
            let what = if soft { what.soft() } else { what };
            assert_eq!(cache.invalidate(what).await, Invalidated::Applied);
            assert_eq!(ask(asked).await.x_cache(), "MISS", "{asked} after {invalidated}");
            assert_eq!(ask("/p?id=7").await.x_cache(), "HIT", "it is another page");
            assert_eq!(ask(asked).await.x_cache(), "HIT", "it is over");
        }
    }
}

#[tokio::test]
async fn a_write_to_a_uri_counts_for_its_equivalents() {
    let (cache, _) = cache();
    let site = site(&cache, heeding(), &saying(UTM)).await;
    site.get("/p?utm=1&id=1").await;
    for (method, expected) in [(Method::PUT, "MISS"), (Method::OPTIONS, "HIT")] {
        assert_eq!(site.get("/p?utm=2&id=1").await.x_cache(), "HIT");
        site.ask(method, "/p?utm=2&id=1").send().await;
        assert_eq!(site.get("/p?utm=2&id=1").await.x_cache(), expected);
    }
    site.ask(Method::DELETE, "/p?utm=2&id=1").send().await;
    assert_eq!(site.get("/p?utm=1&id=1").await.x_cache(), "MISS");
}

/// Nor what another request is being given, if that began before.
#[tokio::test]
async fn who_invalidates_a_uri_does_not_join_what_began_before() {
    let (cache, _) = cache();
    let (old, gate) = (Arc::new(Mutex::new("old")), Gate::new());
    let origin = Origin::new({
        let (truth, gate) = (Arc::clone(&old), gate.clone());
        move |_, call| {
            let answer = Answer::ok(*truth.lock().unwrap()).header("no-vary-search", UTM);
            if call == 2 { answer.held_at(&gate) } else { answer }
        }
    });
    let site = Arc::new(site(&cache, heeding(), &origin).await);
    site.get("/p?id=0").await;
    let slow = at_once(&site, "/p?utm=1&id=1", 1);
    soon("the handler has read", gate.arrived(1)).await;
    *old.lock().unwrap() = "new";
    let uri = |path: &str| UriName::new(path).unwrap();
    assert_eq!(cache.invalidate(uri("/p?utm=2&id=1")).await, Invalidated::Applied);
    assert!(site.get("/p?utm=2&id=1").await.is("MISS", "new"));
    gate.open();
    assert_eq!(all(slow).await[0].text(), "old", "it asked before");
    // And what was late takes nobody's place.
    for path in ["/p?utm=2&id=1", "/p?utm=1&id=1", "/p?utm=3&id=1"] {
        assert!(site.get(path).await.is("HIT", "new"), "{path}");
    }
}

#[tokio::test]
async fn vary_goes_on_as_ever() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        let language = request.headers.get("accept-language").map_or("-", |value| value.to_str().unwrap());
        Answer::ok(format!("{language} {call}"))
            .header("vary", "accept-language")
            .header("no-vary-search", UTM)
    });
    let site = site(&cache, heeding(), &origin).await;
    let ask = async |path: &str, language: &str| {
        site.ask(Method::GET, path).with("accept-language", language).send().await.told()
    };
    let hit = |text: &str| ("HIT".to_owned(), text.to_owned());
    assert_eq!(ask("/a?utm=1", "de").await.0, "MISS");
    assert_eq!(ask("/a?utm=2", "en").await.0, "MISS");
    assert_eq!(ask("/a?utm=3", "de").await, hit("de 1"));
    assert_eq!(ask("/a", "en").await, hit("en 2"));
    assert_eq!(ask("/a?id=1", "en").await.0, "MISS");
    assert_eq!(ask("/a?utm=1", "fr").await.0, "MISS");
    assert_eq!(origin.calls(), 4);
}

#[tokio::test]
async fn heads_conditions_and_ranges_are_answered_from_it() {
    let (cache, _) = cache();
    let site = site(&cache, heeding(), &saying(UTM)).await;
    let made = site.get("/a?utm=1").await;
    let head = site.ask(Method::HEAD, "/a?utm=2").send().await;
    assert_eq!((head.x_cache().as_str(), head.field("content-length").as_str()), ("HIT", "8"));
    let unchanged = site.ask(Method::GET, "/a?utm=3").with("if-none-match", &made.field("etag")).send().await;
    assert_eq!((unchanged.status, unchanged.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "HIT"));
    let part = site.ask(Method::GET, "/a?utm=4").with("range", "bytes=4-4").send().await;
    assert_eq!((part.status, part.told()), (StatusCode::PARTIAL_CONTENT, ("HIT".into(), "1".into())));
}

#[tokio::test]
async fn what_is_stale_is_served_and_refreshed_for_all() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, call| match call {
        3 => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        _ => Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-")))
            .header("no-vary-search", UTM),
    });
    let policy = heeding().stale_while_revalidate(secs(30)).stale_if_error(secs(600));
    let site = site(&cache, policy, &origin).await;
    site.get("/a?utm=1").await;
    clock.advance(secs(3601));
    assert!(site.get("/a?utm=2").await.is("STALE", "utm=1 #1"));
    stored(&cache, 2).await;
    assert!(site.get("/a?utm=3").await.is("HIT", "utm=2 #2"));
    clock.advance(secs(3600 + 60));
    assert!(site.get("/a?utm=4").await.is("STALE", "utm=2 #2"), "the handler failed");
    // But not under a URI that was invalidated.
    cache.invalidate(UriName::new("/a?utm=5").unwrap()).await;
    assert!(site.get("/a?utm=5").await.is("MISS", "utm=5 #4"));
}

/// A failure is for those who asked just the same: it says nothing of others.
#[tokio::test]
async fn a_failure_is_told_to_those_alone_who_asked_the_same() {
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
    let door = Door::new();
    let router = Router::new().fallback_service(cache.layer(heeding()).layer(origin.clone()));
    let site = Arc::new(Site::of(door.before(router)).await);
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

/// A date of whole seconds does not tell two versions apart: a 304 by it would give an old body the place of a new one.
#[tokio::test]
async fn what_is_for_equivalents_is_validated_by_strong_tags_alone() {
    for (name, value, condition, expected) in [
        ("etag", "\"1\"", "if-none-match", 304),
        ("etag", "W/\"1\"", "if-none-match", 200),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT", "if-modified-since", 200),
    ] {
        let (cache, clock) = cache();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let origin = Origin::new({
            let asked = Arc::clone(&asked);
            move |request, _| {
                let has_condition = request.headers.contains_key(condition);
                asked.lock().unwrap().push(has_condition);
                let answer = if has_condition {
                    Answer::status(StatusCode::NOT_MODIFIED)
                } else {
                    Answer::ok(request.uri.query().unwrap_or("-").to_owned())
                };
                answer.header(name, value).header("no-vary-search", UTM)
            }
        });
        // With tags of the cache's own, too, about which no handler is asked.
        let site = site(&cache, heeding(), &origin).await;
        site.get("/a?utm=1").await;
        clock.advance(secs(3600));
        let page = site.get("/a?utm=2").await;
        let body = if expected == 304 { "utm=1" } else { "utm=2" };
        assert_eq!((page.status, page.text().as_str()), (StatusCode::OK, body), "{value}");
        assert_eq!(*asked.lock().unwrap(), [false, expected == 304], "{value}");
        assert!(site.get("/a?utm=3").await.is("HIT", body));
    }
}

/// Nor what was stored for one, and answers others by the word of the 304.
#[tokio::test]
async fn what_was_not_confirmed_byte_for_byte_answers_no_more_than_it_did() {
    for (name, value, expected) in
        [("etag", "\"1\"", "HIT"), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT", "MISS")]
    {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, call| {
            let answer = match call {
                1 => Answer::ok("v1"),
                2 => Answer::status(StatusCode::NOT_MODIFIED).header("no-vary-search", UTM),
                _ => Answer::ok("v2"),
            };
            answer.header(name, value)
        });
        let site = site(&cache, heeding(), &origin).await;
        site.get("/a?utm=1").await;
        // Nothing is known of equivalents yet, so that this names one URI.
        cache.invalidate(UriName::new("/a?utm=2").unwrap()).await;
        clock.advance(secs(3600));
        assert!(site.get("/a?utm=1").await.is("MISS", "v1"), "{name}");
        assert_eq!(site.get("/a?utm=1").await.x_cache(), "HIT", "{name}");
        assert_eq!(site.get("/a?utm=2").await.x_cache(), expected, "{name}");
    }
}

/// Pages of one path, of which some say it and some do not.
#[tokio::test]
async fn pages_that_say_nothing_are_found_beside_those_that_do() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        let query = request.uri.query().unwrap_or("-").to_owned();
        let field = if query.contains("silent") { "" } else { UTM };
        Answer::ok(format!("{query} #{call}")).header("no-vary-search", field)
    });
    let site = site(&cache, heeding(), &origin).await;
    let paths = ["/p?silent&utm=1", "/p?utm=1", "/p?silent&utm=2", "/p?utm=2"];
    let outcomes =
        async || told(&site, &paths).await.into_iter().map(|(outcome, _)| outcome).collect::<Vec<_>>();
    assert_eq!(outcomes().await, ["MISS", "MISS", "MISS", "HIT"]);
    for _ in 0..3 {
        assert_eq!(outcomes().await, ["HIT", "HIT", "HIT", "HIT"]);
    }
}

/// Random requests, writes and changes of mind: whatever is served answers by its own word, and is not older than the last
/// invalidation of the URI that it is served under.
#[tokio::test]
async fn nothing_wrong_is_ever_served() {
    const FIELDS: [&str; 7] = [
        "",
        UTM,
        r#"params=("id")"#,
        r#"except=("id")"#,
        "key-order",
        r#"key-order, params=("utm")"#,
        "except=()",
    ];
    const QUERIES: [&str; 9] = [
        "",
        "?id=1",
        "?id=2",
        "?utm=1",
        "?id=1&utm=1",
        "?utm=2&id=1",
        "?id=1&utm=2",
        "?utm=1;id=2",
        "?%69d=1",
    ];
    for seed in 0..40 {
        let mut random = fastrand::Rng::with_seed(seed);
        let (cache, clock) = cache();
        let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(UTM));
        let origin = Origin::new({
            let field = Arc::clone(&field);
            move |request, call| {
                Answer::ok(format!("{} {call}", request.uri.query().unwrap_or("-")))
                    .header("no-vary-search", *field.lock().unwrap())
            }
        });
        let site = Arc::new(site(&cache, heeding().stale_while_revalidate(secs(60)), &origin).await);
        // How many runs there were when a URI was invalidated last.
        let mut oldest: HashMap<&str, usize> = HashMap::new();
        let mut hits = 0;
        for _ in 0..60 {
            match random.u8(..10) {
                0 => *field.lock().unwrap() = FIELDS[random.usize(..FIELDS.len())],
                1 => {
                    let query = QUERIES[random.usize(..QUERIES.len())];
                    cache.invalidate(UriName::new(&format!("/p{query}")).unwrap()).await;
                    oldest.insert(query, origin.calls());
                }
                2 => clock.advance(secs(random.u64(..1900))),
                _ => {
                    let queries: Vec<_> =
                        (0..random.usize(1..5)).map(|_| QUERIES[random.usize(..QUERIES.len())]).collect();
                    let asked: Vec<_> =
                        queries.iter().flat_map(|query| at_once(&site, &format!("/p{query}"), 1)).collect();
                    for (query, page) in queries.into_iter().zip(all(asked).await) {
                        let path = format!("/p{query}");
                        assert!(answers(&page, &path), "{path} got {page:?}, seed {seed}");
                        let run: usize = page.text().split_once(' ').unwrap().1.parse().unwrap();
                        let last = oldest.get(query).copied().unwrap_or_default();
                        assert!(run > last, "{path} got run {run} after {last}, seed {seed}");
                        hits += usize::from(page.x_cache() == "HIT");
                    }
                }
            }
        }
        assert!(hits > 10, "{hits}, seed {seed}");
    }
}

/// A client that makes up paths, whose pages all say it, cannot fill the memory: a cache of no bytes knows it as well.
#[tokio::test]
async fn without_memory_requests_still_wait_together() {
    let cache = Cache::builder().memory(0).build();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |_, call| {
            let answer = Answer::ok("page").header("no-vary-search", UTM);
            if call == 1 { answer } else { answer.held_at(&gate) }
        }
    });
    let door = Door::new();
    let router = Router::new().fallback_service(cache.layer(heeding()).layer(origin.clone()));
    let site = Arc::new(Site::of(door.before(router)).await);
    site.get("/p?utm=0").await;
    door.came(1).await;
    let waiting: Vec<_> = (1..10).flat_map(|number| at_once(&site, &format!("/p?utm={number}"), 1)).collect();
    door.came(9).await;
    gate.open();
    all(waiting).await;
    assert_eq!(origin.calls(), 2);
}
