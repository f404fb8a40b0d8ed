//! Methods that are not `GET` or `HEAD`: which of them are writes.

use bytes::Bytes;
use http::{Method, Request, StatusCode};
use http_body_util::Full;
use larder::{Cache, CacheService, Policy};
use larder_testing::{Answer, Origin};
use larder_tests::http::soon;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly};

type Service = CacheService<Origin>;

/// Sends a request to the service itself, since servers treat `CONNECT` in their own way.
async fn send(service: &Service, method: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let mut request = Request::builder().method(method).uri("http://shop.test/a");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from_static(b"select"))).unwrap();
    let response = soon("a response", service.clone().oneshot(request)).await.unwrap();
    let x_cache = response.headers()["x-cache"].to_str().unwrap().to_owned();
    (response.status(), x_cache)
}

async fn get(service: &Service) -> String {
    let request = Request::get("http://shop.test/a").body(Full::<Bytes>::default()).unwrap();
    let response = soon("a response", service.clone().oneshot(request)).await.unwrap();
    response.headers()["x-cache"].to_str().unwrap().to_owned()
}

fn service(cache: &Cache, policy: Policy, status: u16) -> Service {
    let origin = Origin::new(move |request, _| match request.method {
        Method::GET => Answer::ok("page"),
        _ => Answer::status(StatusCode::from_u16(status).unwrap()),
    });
    cache.layer(policy).layer(origin)
}

/// RFC 10008 §2: `QUERY` is safe. RFC 9110 §9.2.1 has the other safe methods. `CONNECT` is not
/// safe, but asks for a tunnel and has no effect on a resource of this server.
#[tokio::test]
async fn safe_methods_and_tunnels_invalidate_nothing() {
    for (method, is_write) in [
        ("QUERY", false),
        ("CONNECT", false),
        ("OPTIONS", false),
        ("TRACE", false),
        ("POST", true),
        ("PUT", true),
        ("PATCH", true),
        ("DELETE", true),
        // Methods are case-sensitive (RFC 9110 §9.1).
        ("query", true),
        ("SEARCH", true),
    ] {
        // After a failure, a write may have been committed.
        for status in [200, 303, 404, 500] {
            let (cache, _) = cache();
            let service = service(&cache, hourly().tag("pages"), status);
            assert_eq!((get(&service).await, get(&service).await), ("MISS".into(), "HIT".into()));
            let (answered, x_cache) = send(&service, method, &[]).await;
            assert_eq!((answered.as_u16(), x_cache.as_str()), (status, "BYPASS"), "{method}");
            let invalidates = is_write && status != 404;
            let expected = if invalidates { "MISS" } else { "HIT" };
            assert_eq!(get(&service).await, expected, "{method} {status}");
            let stats = cache.stats();
            assert_eq!(stats.invalidations, u64::from(invalidates), "{method} {status}");
            assert_eq!(stats.bypasses.get("method"), Some(&1));
        }
    }
}

/// If a write is cancelled or fails without a response, it may have been committed. A query was
/// not.
#[tokio::test]
async fn a_query_that_panics_invalidates_nothing() {
    for (method, invalidations) in [("QUERY", 0), ("POST", 1)] {
        let (cache, _) = cache();
        let origin = Origin::always(Answer::panicking("in the handler"));
        let service = cache.layer(hourly()).layer(origin);
        let request = Request::builder().method(method).uri("http://shop.test/a").body(()).unwrap();
        let answer = tokio::spawn(service.oneshot(request));
        assert!(soon("the panic", answer).await.unwrap_err().is_panic());
        crate::support::counted(&cache, |stats| stats.invalidations >= invalidations).await;
        assert_eq!(cache.stats().invalidations, invalidations, "{method}");
    }
}

/// RFC 9111 §5.2.1.7, §4: a 504 stands for a stored response. Where none can exist, the request is
/// forwarded.
#[tokio::test]
async fn only_if_cached_does_not_refuse_a_tunnel() {
    for (method, status) in [("CONNECT", 200), ("POST", 200), ("QUERY", 504), ("OPTIONS", 504)] {
        let (cache, _) = cache();
        let service = service(&cache, hourly().honor_request_directives(), 200);
        let (answered, _) = send(&service, method, &[("cache-control", "only-if-cached")]).await;
        assert_eq!(answered.as_u16(), status, "{method}");
    }
}
