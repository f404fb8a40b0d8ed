//! Requests that fill the cache before clients send them.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::get;
use http::{Method, StatusCode};
use larder::Cache;
use larder::warm::{WarmOptions, WarmProgress};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::soon;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly};

/// The most requests at once.
const MOST_RUNNING: usize = 4;

pub(crate) fn fast() -> WarmOptions {
    WarmOptions::default().concurrency(MOST_RUNNING).per_second(100_000)
}

pub(crate) fn request(path: &str) -> Request {
    Request::get(path).header("host", "shop.example").body(Body::empty()).unwrap()
}

/// Sends a request, and returns `X-Cache` and the body.
pub(crate) async fn ask(router: &Router, request: Request) -> (String, String) {
    let response = soon("a response", router.clone().oneshot(request)).await.unwrap();
    let x_cache = response.headers().get("x-cache").map(|value| value.to_str().unwrap().to_owned());
    let body = soon("its body", axum::body::to_bytes(response.into_body(), 1 << 20)).await.unwrap();
    (x_cache.unwrap_or_default(), String::from_utf8(body.to_vec()).unwrap())
}

/// Returns a router with an origin on every path, behind a layer of the cache.
pub(crate) fn router(cache: &Cache, origin: &Origin) -> Router {
    Router::new()
        .route("/plain", get(async || "page"))
        .fallback_service(cache.layer(hourly()).layer(origin.clone()))
}

/// Returns an origin that answers by the path of each request.
fn origin() -> Origin {
    Origin::new(|request, _| match request.uri.path() {
        "/streamed" => Answer::status(StatusCode::OK).steps([Step::data("one "), Step::data("two")]),
        "/broken" => Answer::status(StatusCode::OK).steps([Step::data("one "), Step::fail("on purpose")]),
        "/unstorable" => Answer::ok("page").header("cache-control", "no-store"),
        "/missing" => Answer::status(StatusCode::NOT_FOUND),
        "/failing" => Answer::status(StatusCode::INTERNAL_SERVER_ERROR),
        "/panicking" => Answer::panicking("on purpose"),
        path => Answer::ok(path.to_owned()),
    })
}

/// Returns the hits, and the filled, failed and skipped requests.
const fn numbers(progress: &WarmProgress) -> [u64; 4] {
    [progress.hits, progress.filled, progress.failed, progress.skipped]
}

#[tokio::test]
async fn a_warmed_route_answers_its_clients_from_the_cache() {
    let (cache, _) = cache();
    let origin = origin();
    let router = router(&cache, &origin);
    let paths: Vec<_> = (0..50).map(|id| format!("/pages/{id}")).collect();
    let requests = || paths.clone().into_iter().map(|path| request(&path));
    let mut warming = cache.warm(router.clone(), requests(), fast());
    let progress = soon("all requests", warming.finished()).await;
    assert_eq!((numbers(&progress), progress.done, progress.total), ([0, 50, 0, 0], 50, Some(50)));
    assert_eq!(warming.finished().await, progress);
    for path in &paths {
        assert_eq!(ask(&router, request(path)).await, ("HIT".to_owned(), path.clone()));
    }
    let mut again = cache.warm(router, requests(), fast());
    assert_eq!(numbers(&soon("all requests", again.finished()).await), [50, 0, 0, 0]);
    assert_eq!(origin.calls(), 50);
}

/// The fields that report outcomes may be off.
#[tokio::test]
async fn each_request_counts_as_what_became_of_it() {
    let with_fields = Cache::builder().build();
    let without = Cache::builder().no_x_cache().no_cache_status().build();
    let without_memory = Cache::builder().max_memory_bytes(0).build();
    for (name, cache, streamed) in
        [("fields", with_fields, [0, 1, 0, 0]), ("no fields", without, [0, 1, 0, 0])]
    {
        let router = router(&cache, &origin());
        let cases = [
            ("/streamed", streamed, [1, 0, 0, 0]),
            ("/page", [0, 1, 0, 0], [1, 0, 0, 0]),
            ("/unstorable", [0, 0, 0, 1], [0, 0, 0, 1]),
            ("/missing", [0, 0, 0, 1], [0, 0, 0, 1]),
            ("/plain", [0, 0, 0, 1], [0, 0, 0, 1]),
            ("/broken", [0, 0, 1, 0], [0, 0, 1, 0]),
            ("/failing", [0, 0, 1, 0], [0, 0, 1, 0]),
            ("/panicking", [0, 0, 1, 0], [0, 0, 1, 0]),
        ];
        for (path, first, second) in cases {
            for expected in [first, second] {
                let mut warming = cache.warm(router.clone(), [request(path)], fast());
                let progress = soon("a request", warming.finished()).await;
                assert_eq!(numbers(&progress), expected, "{path}, {name}");
            }
        }
    }
    let router = router(&without_memory, &origin());
    let mut warming = without_memory.warm(router, [request("/page")], fast());
    assert_eq!(numbers(&soon("a request", warming.finished()).await)[0], 0, "nothing is stored");
}

#[tokio::test]
async fn only_get_requests_are_sent() {
    let (cache, _) = cache();
    let origin = origin();
    let methods = [Method::POST, Method::HEAD, Method::GET, Method::DELETE];
    let requests =
        methods.map(|method| Request::builder().method(method).uri("/a").body(Body::empty()).unwrap());
    let mut warming = cache.warm(router(&cache, &origin), requests, fast());
    assert_eq!(numbers(&soon("all requests", warming.finished()).await), [0, 1, 0, 3]);
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn no_more_requests_run_at_once_than_the_limit_says() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let requests = (0..20).map(|id| request(&format!("/{id}")));
    // The number of requests is not known.
    let requests = requests.filter(|_| true);
    let mut warming = cache.warm(router(&cache, &origin), requests, fast().concurrency(3));
    gate.arrived(3).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!((origin.running(), origin.calls()), (3, 3));
    assert_eq!((warming.progress().done, warming.progress().total), (0, None));
    gate.open();
    assert_eq!(numbers(&soon("all requests", warming.finished()).await), [0, 20, 0, 0]);
}

#[tokio::test]
async fn dropping_it_stops_an_iterator_without_an_end() {
    let (cache, _) = cache();
    let origin = origin();
    let mut sent = 0;
    let endless = std::iter::repeat_with(move || {
        sent += 1;
        request(&format!("/{sent}"))
    });
    let warming = cache.warm(router(&cache, &origin), endless, fast());
    soon("some requests", async {
        while warming.progress().done < 10 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(warming);
    // The requests that were running may still reach the origin. It would get many more otherwise.
    let calls = origin.calls();
    for _ in 0..20_000 {
        tokio::task::yield_now().await;
    }
    assert!(origin.calls() <= calls + MOST_RUNNING, "{} after {calls}", origin.calls());
}

#[tokio::test]
async fn closing_the_cache_ends_it() {
    let (cache, _) = cache();
    let endless = std::iter::repeat_with(|| request("/a"));
    let mut warming = cache.warm(router(&cache, &origin()), endless, fast());
    let (_, closed) = soon("both", async { tokio::join!(warming.finished(), cache.close()) }).await;
    assert!(closed.is_clean(), "{closed}");
}

#[tokio::test(start_paused = true)]
async fn requests_are_sent_at_the_rate_of_the_options() {
    let (cache, _) = cache();
    let requests = (0..=50).map(|id| request(&format!("/{id}")));
    let options = WarmOptions::default().per_second(10);
    let begun = tokio::time::Instant::now();
    let mut warming = cache.warm(router(&cache, &origin()), requests, options);
    assert_eq!(numbers(&warming.finished().await), [0, 51, 0, 0]);
    let took = begun.elapsed();
    assert!((Duration::from_secs(5)..Duration::from_secs(6)).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_takes_too_long_has_failed() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").held_at(&gate));
    let options = fast().request_timeout(Duration::from_secs(7));
    let begun = tokio::time::Instant::now();
    let mut warming = cache.warm(router(&cache, &origin), [request("/a")], options);
    assert_eq!(numbers(&warming.finished().await), [0, 0, 1, 0]);
    assert!(begun.elapsed() < Duration::from_secs(8));
}

#[test]
fn without_a_runtime_nothing_is_sent() {
    let cache = Cache::default();
    let origin = origin();
    let warming = cache.warm(router(&cache, &origin), [request("/a")], fast());
    assert_eq!((warming.progress().done, origin.calls()), (0, 0));
}
