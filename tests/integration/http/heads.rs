//! Requests that need only the head of another request's response do not wait for its body.

use std::sync::Arc;

use axum::Router;
use http::{HeaderMap, Method, StatusCode};
use larder::{Cache, Policy, Tag};
use larder_testing::{Answer, Gate, MemoryStore, Origin, Step};
use larder_tests::http::{Page, Site, soon};
use tokio::task::JoinHandle;
use tower::Layer as _;

use crate::support::{Door, all, behind_door, cache, hourly, next, secs};

/// Returns a page in the language of the request. The body of the German one ends when the gate
/// opens.
fn slow_in_german(headers: &HeaderMap, call: usize, gate: &Gate) -> Answer {
    let language = headers.get("accept-language").map_or("", |value| value.to_str().unwrap());
    let answer = if language == "de" {
        let steps = [Step::data("eins "), Step::Hold(gate.clone()), Step::data("zwei")];
        Answer::status(StatusCode::OK).steps(steps)
    } else {
        Answer::ok(format!("{call} in {language}"))
    };
    answer.header("vary", "accept-language")
}

/// Returns an origin of such pages with these fields.
fn pages(gate: &Gate, fields: &[(&'static str, &'static str)]) -> Origin {
    let (gate, fields) = (gate.clone(), fields.to_vec());
    Origin::new(move |request, call| {
        let answer = slow_in_german(&request.headers, call, &gate);
        fields.iter().fold(answer, |answer, (name, value)| answer.header(*name, *value))
    })
}

async fn slow_site(cache: &Cache, policy: Policy, origin: &Origin) -> (Arc<Site>, Door) {
    // The bodies of a router can fail, so followers may stream them.
    let handler = Router::new().fallback_service(origin.clone());
    behind_door(Router::new().fallback_service(cache.layer(policy).layer(handler))).await
}

fn ask(site: &Arc<Site>, method: Method, fields: &[(&'static str, &'static str)]) -> JoinHandle<Page> {
    let (site, fields) = (Arc::clone(site), fields.to_vec());
    tokio::spawn(async move {
        let request = site.ask(method, "/a");
        fields.iter().fold(request, |request, (name, value)| request.with(name, value)).send().await
    })
}

const DE: (&str, &str) = ("accept-language", "de");
const EN: (&str, &str) = ("accept-language", "en");

/// Every kind of body, and of memory.
fn caches() -> Vec<(&'static str, Cache, Policy)> {
    let store = || Cache::builder().shared_store(MemoryStore::new());
    vec![
        ("unknown length", cache().0, hourly()),
        ("streamed", cache().0, hourly().follow_unknown_length()),
        ("shared", store().build(), hourly()),
        ("no memory", store().max_memory_bytes(0).build(), hourly()),
    ]
}

#[tokio::test]
async fn a_request_for_another_variant_waits_only_until_the_variant_is_known() {
    for (case, cache, policy) in caches() {
        let _ = soon("the log", cache.invalidate(Tag::new("start"))).await;
        let (early, gate) = (Gate::new(), Gate::new());
        let origin = Origin::new({
            let (gate, early) = (gate.clone(), early.clone());
            move |request, call| {
                let answer = slow_in_german(&request.headers, call, &gate);
                if call == 1 { answer.held_at(&early) } else { answer }
            }
        });
        let (site, door) = slow_site(&cache, policy.unknown_length_wait(secs(10)), &origin).await;
        let german = ask(&site, Method::GET, &[DE]);
        soon("the first run", early.arrived(1)).await;
        door.came(1).await;
        // They came before the head.
        let english: Vec<_> = (0..5).map(|_| ask(&site, Method::GET, &[EN])).collect();
        let more_german: Vec<_> = (0..5).map(|_| ask(&site, Method::GET, &[DE])).collect();
        door.came(10).await;
        early.open();
        let pages = all(english).await;
        assert!(pages.iter().all(|page| page.text() == "2 in en"), "{case}: {:?}", pages[0]);
        // They come after it.
        let late = [ask(&site, Method::GET, &[DE]), ask(&site, Method::GET, &[EN])];
        door.came(2).await;
        let [late_german, late_english] = late;
        assert_eq!(soon("the late one", late_english).await.unwrap().text(), "2 in en", "{case}");
        assert_eq!(origin.calls(), 2, "{case}");
        gate.open();
        for page in all(more_german.into_iter().chain([german, late_german]).collect()).await {
            assert_eq!(page.text(), "eins zwei", "{case}");
        }
        assert_eq!(origin.calls(), 2, "{case}");
    }
}

/// A stored response that does not vary, and is stale, stays in memory until it is replaced.
#[tokio::test]
async fn a_stored_response_that_did_not_vary_changes_nothing() {
    let (cache, clock) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, call| match call {
            1 => Answer::ok("plain"),
            _ => slow_in_german(&request.headers, call, &gate),
        }
    });
    let (site, door) = slow_site(&cache, hourly().unknown_length_wait(secs(10)), &origin).await;
    assert_eq!(site.get("/a").await.text(), "plain");
    clock.advance(secs(3601));
    let german = ask(&site, Method::GET, &[DE]);
    door.came(2).await;
    let english: Vec<_> = (0..5).map(|_| ask(&site, Method::GET, &[EN])).collect();
    assert!(all(english).await.iter().all(|page| page.text() == "3 in en"));
    gate.open();
    assert_eq!(soon("the first", german).await.unwrap().text(), "eins zwei");
    assert_eq!(origin.calls(), 3);
}

/// RFC 9110 §8.6: the length in a response to `HEAD` is that of the response to `GET`, or missing.
#[tokio::test]
async fn a_head_and_a_304_need_only_the_head() {
    for (length, follow) in [(None, false), (None, true), (Some("9"), false)] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let mut fields = vec![("etag", "\"de\""), ("x-note", "kept")];
        fields.extend(length.map(|length| ("content-length", length)));
        let origin = pages(&gate, &fields);
        let policy = if follow { hourly().follow_unknown_length() } else { hourly() };
        let (site, _) = slow_site(&cache, policy.unknown_length_wait(secs(10)), &origin).await;
        let mut leader = site.ask(Method::GET, "/a").with(DE.0, DE.1).head().await.unwrap();
        assert_eq!(next(&mut leader).await, "eins ");

        let head = soon("the head", ask(&site, Method::HEAD, &[DE])).await.unwrap();
        assert_eq!((head.status, head.field("x-note").as_str()), (StatusCode::OK, "kept"));
        assert_eq!(head.field("content-length"), length.unwrap_or_default());
        assert_eq!(head.x_cache(), "MISS");
        assert!(head.cache_status().contains("collapsed"), "{}", head.cache_status());
        for method in [Method::GET, Method::HEAD] {
            let known = ask(&site, method, &[DE, ("if-none-match", "\"x\", \"de\"")]);
            let known = soon("the 304", known).await.unwrap();
            assert_eq!((known.status, known.field("etag").as_str()), (StatusCode::NOT_MODIFIED, "\"de\""));
        }
        // Another tag needs the whole body.
        let other = ask(&site, Method::GET, &[DE, ("if-none-match", "\"x\"")]);
        gate.open();
        assert_eq!(soon("the whole", other).await.unwrap().text(), "eins zwei");
        assert_eq!(origin.calls(), 1, "{length:?} {follow}");
    }
}

/// The cache makes an entity tag of the whole body.
#[tokio::test]
async fn a_condition_with_a_tag_that_the_cache_makes_waits_for_the_end() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = pages(&gate, &[]);
    let policy = hourly().follow_unknown_length();
    let (site, door) = slow_site(&cache, policy, &origin).await;
    let mut leader = site.ask(Method::GET, "/a").with(DE.0, DE.1).head().await.unwrap();
    assert_eq!(next(&mut leader).await, "eins ");
    door.came(1).await;
    let waiting: Vec<_> = [Method::GET, Method::HEAD]
        .map(|method| ask(&site, method, &[DE, ("if-none-match", "\"x\"")]))
        .into();
    door.came(2).await;
    assert!(waiting.iter().all(|task| !task.is_finished()));
    gate.open();
    let pages = all(waiting).await;
    assert_eq!((pages[0].text().as_str(), pages[1].field("content-length").as_str()), ("eins zwei", "9"));
    let etag = pages[0].field("etag");
    assert_eq!(etag, pages[1].field("etag"));
    let known = ask(&site, Method::GET, &[DE, ("if-none-match", &*etag.leak())]);
    assert_eq!(soon("a 304", known).await.unwrap().status, StatusCode::NOT_MODIFIED);
    assert_eq!(origin.calls(), 1);
}

/// A conditional request that reads a body which breaks off gets the rest like any other.
#[tokio::test]
async fn a_conditional_request_goes_on_for_the_rest_without_its_condition() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, call| {
            let answer = match call {
                1 => Answer::status(StatusCode::OK).steps([
                    Step::data("one "),
                    Step::Hold(gate.clone()),
                    Step::fail("gone"),
                ]),
                _ if request.headers.contains_key("if-none-match") => {
                    Answer::status(StatusCode::NOT_MODIFIED)
                }
                _ => Answer::ok("one two"),
            };
            answer.header("etag", "\"1\"")
        }
    });
    let (site, _) = slow_site(&cache, hourly().follow_unknown_length(), &origin).await;
    let mut leader = site.ask(Method::GET, "/a").head().await.unwrap();
    assert_eq!(next(&mut leader).await, "one ");
    let follower = site.ask(Method::GET, "/a").with("if-none-match", "\"2\"").head().await.unwrap();
    gate.open();
    let body = http_body_util::BodyExt::collect(follower.into_body());
    assert_eq!(soon("the rest", body).await.unwrap().to_bytes(), "one two");
    assert_eq!(origin.calls(), 2);
}

/// Rule 13: an answer from the head is checked as one with the body is.
#[tokio::test]
async fn no_request_after_an_invalidation_gets_a_head_from_before() {
    for fields in [&[DE][..], &[DE, ("if-none-match", "\"de\"")]] {
        let (cache, _) = cache();
        let (gate, early) = (Gate::new(), Gate::new());
        let origin = Origin::new({
            let (gate, early) = (gate.clone(), early.clone());
            move |request, call| {
                let answer = slow_in_german(&request.headers, call, &gate);
                let answer = answer.header("etag", "\"de\"").header("x-call", call.to_string());
                if call == 1 { answer.held_at(&early) } else { answer }
            }
        });
        let (site, door) = slow_site(&cache, hourly().tag("thing"), &origin).await;
        let first = ask(&site, Method::GET, &[DE]);
        soon("the first run", early.arrived(1)).await;
        door.came(1).await;
        let before = ask(&site, Method::HEAD, &[DE]);
        door.came(1).await;
        let _ = cache.invalidate(Tag::new("thing")).await;
        let after = ask(&site, Method::HEAD, fields);
        door.came(1).await;
        early.open();
        let late = ask(&site, Method::HEAD, fields);
        let before = soon("the earlier request", before).await.unwrap();
        assert_eq!(before.field("x-call"), "1", "it came before the invalidation");
        for later in all(vec![after, late]).await {
            assert_ne!(later.field("x-call"), "1", "{later:?}");
        }
        gate.open();
        soon("the first", first).await.unwrap();
    }
}
