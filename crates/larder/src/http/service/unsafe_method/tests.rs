use std::convert::Infallible;
use std::time::Duration;

use http::header::HOST;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use larder_core::invalidation::selector::Tag;
use larder_testing::Gate;
use tokio::sync::Semaphore;
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use super::*;
use crate::cache::Cache;
use crate::http::policy::Policy;
use crate::http::service::cache_service::CacheService;
use crate::testing::soon;

fn minute() -> Policy {
    Policy::ttl(Duration::from_secs(60)).jitter(0.0)
}

/// The behavior of the handler for methods other than `GET`.
#[derive(Clone, Default)]
struct Writes {
    status: StatusCode,
    /// The invalidation in the extensions of each response, also to `GET`.
    says: Option<Invalidation>,
    /// The gate at which a write waits.
    at: Option<Gate>,
}

fn handler(
    writes: Writes,
) -> impl tower_service::Service<
    Request<()>,
    Response = Response<Full<Bytes>>,
    Error = Infallible,
    Future = impl Future<Output = Result<Response<Full<Bytes>>, Infallible>> + Send,
> + Clone
+ Send {
    tower::service_fn(move |request: Request<()>| {
        let writes = writes.clone();
        async move {
            let mut response = Response::new(Full::from("hello"));
            if request.method() != Method::GET {
                if let Some(gate) = &writes.at {
                    gate.pass().await;
                }
                *response.status_mut() = writes.status;
            }
            if let Some(says) = writes.says {
                response.extensions_mut().insert(says);
            }
            Ok(response)
        }
    })
}

fn request(method: Method, uri: &str) -> Request<()> {
    let mut request = Request::builder().method(method).uri(uri);
    if uri.starts_with('/') {
        request = request.header(HOST, "shop");
    }
    request.body(()).unwrap()
}

async fn x_cache<S>(service: &CacheService<S>, method: Method, uri: &str) -> String
where
    CacheService<S>: tower_service::Service<Request<()>, Response = Response<CacheBody<Full<Bytes>>>, Error = Infallible>
        + Clone,
{
    let response = service.clone().oneshot(request(method, uri)).await.unwrap();
    let x_cache = response.headers()["x-cache"].to_str().unwrap().to_owned();
    response.into_body().collect().await.unwrap();
    x_cache
}

/// Returns the `X-Cache` of a `GET` after a `PUT`: `HIT`, or `MISS` if the `PUT` invalidated it.
async fn after(writes: Writes, put: &str, get: &str, policy: Policy) -> String {
    let service = Cache::default().layer(policy).layer(handler(writes));
    assert_eq!(x_cache(&service, Method::GET, get).await, "MISS");
    assert_eq!(x_cache(&service, Method::PUT, put).await, "BYPASS");
    x_cache(&service, Method::GET, get).await
}

/// RFC 9111 §4.4: a "non-error response" is one with a 2xx or 3xx status code. A handler that fails
/// may have committed before.
#[tokio::test]
async fn a_write_that_may_have_changed_something_invalidates_its_uri() {
    for (status, expected) in [
        (200, "MISS"),
        (201, "MISS"),
        (204, "MISS"),
        (303, "MISS"),
        (400, "HIT"),
        (404, "HIT"),
        (408, "MISS"),
        (500, "MISS"),
        (504, "MISS"),
    ] {
        let writes = Writes { status: StatusCode::from_u16(status).unwrap(), ..Writes::default() };
        assert_eq!(after(writes, "/a", "/a", minute()).await, expected, "{status}");
    }
}

#[tokio::test]
async fn it_is_the_uri_that_is_invalidated() {
    let cases = [
        ("/a?x=1", "/a?x=1", "MISS"),
        ("/a", "/a?x=1", "HIT"),
        ("/a", "/b", "HIT"),
        ("http://shop/a", "/a", "MISS"),
        ("http://shop:80/a", "/a", "MISS"),
        ("http://other/a", "/a", "HIT"),
    ];
    for (put, get, expected) in cases {
        assert_eq!(after(Writes::default(), put, get, minute()).await, expected, "{put} {get}");
    }
}

#[tokio::test]
async fn a_write_that_names_two_hosts_counts_for_every_host() {
    let service = Cache::default().layer(minute()).layer(handler(Writes::default()));
    x_cache(&service, Method::GET, "/a").await;
    let mut put = request(Method::PUT, "http://other/a");
    put.headers_mut().insert(HOST, http::HeaderValue::from_static("shop"));
    service.clone().oneshot(put).await.unwrap();
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
}

#[tokio::test]
async fn also_what_a_get_of_it_is_stored_under() {
    let by_header = || minute().key_with(|parts| Some(parts.uri.path().trim_start_matches("/v2").to_owned()));
    assert_eq!(after(Writes::default(), "/v2/a", "/a", by_header()).await, "MISS");
    assert_eq!(after(Writes::default(), "/v2/b", "/a", by_header()).await, "HIT");
    let no_key = || minute().key_with(|parts| (parts.method == Method::GET).then(|| "one".to_owned()));
    assert_eq!(after(Writes::default(), "/a", "/a", no_key()).await, "MISS", "its URI nevertheless");
}

#[tokio::test]
async fn an_invalidation_by_the_handler_counts_whatever_its_status() {
    for status in [StatusCode::OK, StatusCode::CONFLICT] {
        let writes = |says| Writes { status, says: Some(says), at: None };
        let named = || minute().tag("t");
        assert_eq!(after(writes(Invalidation::tag("t")), "/b", "/a", named()).await, "MISS");
        assert_eq!(after(writes(Invalidation::tag("u")), "/b", "/a", named()).await, "HIT");
    }
}

/// A handler that runs for a `GET` may change something too. A hit repeats nothing.
#[tokio::test]
async fn an_invalidation_in_a_response_to_a_get_counts_once() {
    let cache = Cache::default();
    let writes = Writes { says: Some(Invalidation::of(Tag::new("other"))), ..Writes::default() };
    let service = cache.layer(minute().tag("t")).layer(handler(writes));
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "HIT");
    assert_eq!(cache.stats().invalidations, 1);
}

/// Waits for at least `least` invalidations, and returns their number.
async fn invalidated(cache: &Cache, least: u64) -> u64 {
    soon(async {
        while cache.stats().invalidations < least {
            tokio::task::yield_now().await;
        }
    })
    .await;
    cache.stats().invalidations
}

/// A handler that would never end. It reports when it is called and when it is dropped.
#[derive(Clone)]
struct Hangs {
    called: Gate,
    dropped: Arc<Semaphore>,
}

/// Counts the runs that have ended or have been cancelled.
struct Dropped(Arc<Semaphore>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add_permits(1);
    }
}

impl Hangs {
    fn new() -> Self {
        Self { called: Gate::new(), dropped: Arc::new(Semaphore::new(0)) }
    }

    async fn handle(self, request: Request<()>) -> Result<Response<Full<Bytes>>, Infallible> {
        if request.method() != Method::GET {
            let _dropped = Dropped(self.dropped);
            self.called.pass().await;
        }
        Ok(Response::new(Full::from("hello")))
    }
}

#[tokio::test(start_paused = true)]
async fn beyond_the_limit_a_write_ends_with_its_client_and_is_invalidated_twice() {
    let cache = Cache::builder().max_abandoned_writes(1).build();
    let hangs = Hangs::new();
    let own = hangs.clone();
    let handler = tower::service_fn(move |request| own.clone().handle(request));
    let service = cache.layer(minute()).layer(handler);
    let mut names = 0;
    for (abandoned, is_dropped) in [(1, false), (2, true)] {
        assert_eq!(x_cache(&service, Method::GET, "/a").await, if abandoned == 1 { "MISS" } else { "HIT" });
        let client = tokio::spawn(service.clone().oneshot(request(Method::PUT, "/a")));
        hangs.called.arrived(abandoned).await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        if is_dropped {
            let _ = soon(hangs.dropped.acquire()).await.unwrap();
            names = invalidated(&cache, 1).await;
        }
    }
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(cache.stats().invalidations, 2 * names);
    hangs.called.open();
    invalidated(&cache, 3 * names).await;
    assert_eq!(hangs.dropped.available_permits(), 2, "the first run went on to its end");
}

#[tokio::test]
async fn a_write_that_panics_invalidates_its_uri() {
    let cache = Cache::default();
    let panics = tower::service_fn(|request: Request<()>| async move {
        assert_eq!(request.method(), Method::GET, "on purpose");
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("hello")))
    });
    let service = cache.layer(minute()).layer(panics);
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
    let client = tokio::spawn(service.clone().oneshot(request(Method::PUT, "/a")));
    assert!(client.await.unwrap_err().is_panic());
    invalidated(&cache, 1).await;
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
}

#[tokio::test]
async fn a_client_that_leaves_takes_no_invalidation_with_it() {
    let gate = Gate::new();
    let writes = Writes { at: Some(gate.clone()), ..Writes::default() };
    let cache = Cache::default();
    let service = cache.layer(minute()).layer(handler(writes));
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
    let client = tokio::spawn(service.clone().oneshot(request(Method::PUT, "/a")));
    gate.arrived(1).await;
    client.abort();
    assert!(client.await.unwrap_err().is_cancelled());
    gate.open();
    soon(async {
        while cache.stats().invalidations == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
}

/// The handler may have committed before it fails, and work that it has handed to a thread may
/// commit later.
#[tokio::test(start_paused = true)]
async fn an_error_of_the_handler_is_passed_on_and_invalidates_twice() {
    let cache = Cache::default();
    let failing = tower::service_fn(|_: Request<()>| async { Err::<Response<Full<Bytes>>, _>("broken") });
    let service = cache.layer(minute()).layer(failing);
    let error = service.oneshot(request(Method::PUT, "/a")).await.unwrap_err();
    assert_eq!(error, "broken");
    let names = invalidated(&cache, 1).await;
    tokio::time::sleep(Duration::from_secs(29)).await;
    assert_eq!(cache.stats().invalidations, names);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(cache.stats().invalidations, 2 * names);
    assert_eq!(cache.stats().bypasses["method"], 1);
}

/// If the key is the URI, every response that is stored under it has the URI as a name already.
#[tokio::test]
async fn a_write_names_its_uri_and_its_key_only_where_that_is_another() {
    for (policy, selectors) in [(minute(), 1), (minute().key_with(|_| Some("one".to_owned())), 2)] {
        let cache = Cache::default();
        let service = cache.layer(policy).layer(handler(Writes::default()));
        assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
        x_cache(&service, Method::PUT, "/a").await;
        assert_eq!(cache.stats().invalidations, selectors);
        assert_eq!(x_cache(&service, Method::GET, "/a").await, "MISS");
    }
}

/// A request without a host has a URI too.
#[tokio::test]
async fn a_write_without_a_host_invalidates_its_path() {
    let service = Cache::default().layer(minute()).layer(handler(Writes::default()));
    let send = async |method| {
        let request = Request::builder().method(method).uri("/a?b").body(()).unwrap();
        let response = service.clone().oneshot(request).await.unwrap();
        let outcome = response.headers()["x-cache"].to_str().unwrap().to_owned();
        response.into_body().collect().await.unwrap();
        outcome
    };
    assert_eq!(send(Method::GET).await, "MISS");
    assert_eq!(send(Method::GET).await, "HIT");
    send(Method::PUT).await;
    assert_eq!(send(Method::GET).await, "MISS");
}

#[tokio::test]
async fn a_uri_that_is_too_long_for_a_key_invalidates_its_path() {
    let long = format!("/a?{}", "q".repeat(9_000));
    for (put, get, expected) in [(&*long, "/a?x=1", "MISS"), (&long, "/a", "MISS"), (&long, "/b", "HIT")] {
        assert_eq!(after(Writes::default(), put, get, minute()).await, expected, "{get}");
    }
    // The same holds for a response under such a URI, if the policy keys only a part of it.
    let ignoring = minute().query_ignoring(["q"]);
    let long = format!("/a?q={}", "q".repeat(9_000));
    assert_eq!(after(Writes::default(), &long, &long, ignoring).await, "MISS");
}

/// Nothing is stored under such a path, whatever the key is, so there is nothing to invalidate.
#[tokio::test]
async fn a_path_that_is_too_long_for_a_key_is_not_stored() {
    let long = format!("/{}", "p".repeat(9_000));
    for policy in [minute(), minute().key_with(|_| Some("one".to_owned()))] {
        let cache = Cache::default();
        let service = cache.layer(policy).layer(handler(Writes::default()));
        x_cache(&service, Method::PUT, &long).await;
        for _ in 0..2 {
            assert_eq!(x_cache(&service, Method::GET, &long).await, "BYPASS");
        }
        assert_eq!(cache.stats().bypasses["key-too-long"], 2);
    }
}

#[tokio::test]
async fn many_writes_under_one_path_name_the_path() {
    let cache = Cache::default();
    let service = cache.layer(minute()).layer(handler(Writes::default()));
    for path in ["/a", "/a?x", "/", "/a/b", "/b"] {
        x_cache(&service, Method::GET, path).await;
    }
    for number in 0..16 {
        x_cache(&service, Method::POST, &format!("/a?{number}")).await;
    }
    assert_eq!(x_cache(&service, Method::GET, "/a").await, "HIT");
    x_cache(&service, Method::POST, "/a?16").await;
    for (path, expected) in [("/a", "MISS"), ("/a?x", "MISS"), ("/", "HIT"), ("/a/b", "HIT"), ("/b", "HIT")] {
        assert_eq!(x_cache(&service, Method::GET, path).await, expected, "{path}");
    }
}
