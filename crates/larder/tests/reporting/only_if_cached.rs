//! Tests of `only-if-cached`, with a policy that honors the directives of requests.
//!
//! RFC 9111 §5.2.1.7: a client that "only wishes to obtain a stored response" gets one or a 504.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use larder::store::StoreErrorKind;
use larder::{Cache, Policy};
use larder_core::outcome::BypassReason;
use larder_testing::Answer;
use tower::ServiceExt as _;
use tower_layer::Layer as _;

use crate::reasons::{bypass_by, bypasses};
use crate::shop::{Shop, eventually, get, method};
use crate::store::MemoryStore;

const MINUTE: Duration = Duration::from_secs(60);

fn minute() -> Policy {
    Policy::ttl(MINUTE).jitter(0.0).honor_request_directives()
}

fn shop(policy: Policy) -> Shop {
    Shop::new(policy, |_| Answer::ok("hello"))
}

fn only(mut request: Request<()>) -> Request<()> {
    request.headers_mut().insert("cache-control", HeaderValue::from_static("only-if-cached"));
    request
}

/// Returns the `X-Cache` of a response, and whether it has a `Cache-Status`.
///
/// RFC 9211 §2: "An intermediary SHOULD NOT append a Cache-Status member to responses that it
/// generates locally".
fn report_fields(fields: &HeaderMap) -> (&[u8], bool) {
    (fields["x-cache"].as_bytes(), fields.contains_key("cache-status"))
}

#[tokio::test]
async fn only_if_cached_prevents_every_bypass() {
    for (reason, request) in bypasses() {
        if *request.method() == Method::POST {
            continue;
        }
        for options in
            [Cache::builder(), Cache::builder().shared_store(MemoryStore::default()).max_memory_bytes(0)]
        {
            let shop =
                Shop::of(options, bypass_by(reason).honor_request_directives(), |_| Answer::ok("hello"));
            let response = shop.send(only(request.clone())).await;
            assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT, "{reason}");
            assert_eq!(report_fields(response.headers()), (&b"BYPASS"[..], false), "{reason}");
            assert_eq!(shop.origin.calls(), 0, "{reason}");
            assert_eq!(shop.cache.stats().bypasses.into_iter().collect::<Vec<_>>(), [(reason.as_str(), 1)]);
        }
    }
}

#[tokio::test]
async fn where_requests_are_not_obeyed_every_way_is() {
    for (reason, request) in bypasses() {
        let shop = shop(bypass_by(reason));
        assert_eq!(shop.send(only(request)).await.status(), StatusCode::OK, "{reason}");
        assert_eq!(shop.origin.calls(), 1, "{reason}");
    }
}

/// RFC 9111 §4: "A cache MUST write through requests with methods that are unsafe".
#[tokio::test]
async fn an_unsafe_request_is_written_through() {
    let shop = shop(minute());
    assert_eq!(shop.send(only(method(Method::POST, "/"))).await.status(), StatusCode::OK);
    assert_eq!(shop.send(only(method(Method::OPTIONS, "/"))).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(shop.origin.calls(), 1);
}

/// The policy of the innermost layer decides.
#[tokio::test]
async fn a_layer_around_a_layer_leaves_it_to_the_inner_one() {
    let shop = shop(minute());
    let around = shop.cache.layer(Policy::ttl(MINUTE)).layer(shop.service.clone());
    let response = around.oneshot(only(get("/"))).await.unwrap();
    assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT);
    let bypasses: Vec<_> = shop.cache.stats().bypasses.into_iter().collect();
    assert_eq!(bypasses, [(BypassReason::Nested.as_str(), 1)]);
}

#[tokio::test]
async fn a_response_that_is_not_stored_for_others_is_not_requested_again() {
    let shop = Shop::new(minute(), |_| Answer::ok("hello").header("cache-control", "private"));
    shop.get("/").await;
    for cache_control in ["only-if-cached", "only-if-cached, no-store", "no-cache, only-if-cached"] {
        let mut request = get("/");
        request.headers_mut().insert("cache-control", HeaderValue::from_static(cache_control));
        let response = shop.send(request).await;
        assert_eq!(response.status(), StatusCode::GATEWAY_TIMEOUT, "{cache_control}");
        assert_eq!(report_fields(response.headers()), (&b"MISS"[..], false), "{cache_control}");
    }
    assert_eq!(shop.origin.calls(), 1);
}

/// A refresh would call the handler with this directive.
#[tokio::test]
async fn only_if_cached_starts_no_refresh() {
    let shop = shop(minute().early_refresh(1000.0).stale_while_revalidate(MINUTE));
    shop.get("/").await;
    for later in [MINUTE - Duration::from_millis(100), Duration::from_secs(1)] {
        shop.clock.advance(later);
        for _ in 0..20 {
            assert_eq!(shop.send(only(get("/"))).await.status(), StatusCode::OK);
        }
    }
    assert_eq!(shop.cache.stats().refreshes, 0);
    shop.get("/").await;
    assert_eq!(shop.cache.stats().refreshes, 1);
}

#[tokio::test]
async fn an_instance_that_cannot_confirm_the_log_has_nothing_stored() {
    for bytes in [0, 1 << 20] {
        let store = MemoryStore::default();
        let options = Cache::builder().shared_store(store.clone()).max_memory_bytes(bytes);
        let shop = Shop::of(options, minute(), |_| Answer::ok("hello"));
        store.looked().await;
        shop.get("/").await;
        eventually("it is stored", || store.holds() == 1).await;
        assert_eq!(shop.send(only(get("/"))).await.status(), StatusCode::OK);
        store.fail(StoreErrorKind::Timeout);
        shop.clock.advance(Duration::from_secs(3));
        assert_eq!(shop.send(only(get("/"))).await.status(), StatusCode::GATEWAY_TIMEOUT);
        assert_eq!(shop.origin.calls(), 1);
    }
}

#[tokio::test]
async fn a_response_that_another_instance_has_refreshed_is_stored() {
    let store = MemoryStore::default();
    let shops = [1, 2]
        .map(|_| Shop::of(Cache::builder().shared_store(store.clone()), minute(), |_| Answer::ok("hello")));
    for shop in &shops {
        store.looked().await;
        shop.get("/").await;
        eventually("it is stored", || store.holds() == 1).await;
    }
    for shop in &shops {
        shop.clock.advance(MINUTE * 2);
    }
    store.looked().await;
    let [one, other] = &shops;
    assert_eq!(one.send(only(get("/"))).await.status(), StatusCode::GATEWAY_TIMEOUT);
    assert_eq!(other.get("/").await.headers()["x-cache"], "MISS");
    eventually("it is stored", || store.leases() == 0).await;
    let response = one.send(only(get("/"))).await;
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(report_fields(response.headers()), (&b"HIT"[..], true));
    assert_eq!(one.origin.calls(), 1);
}
