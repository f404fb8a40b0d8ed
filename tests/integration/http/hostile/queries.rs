//! Parameters that are hidden from a policy's rules but visible to a handler.

use axum::Router;
use axum::extract::Query;
use axum::routing;
use larder::Policy;
use larder_tests::http::Site;

use super::get;
use crate::support::{cache, hourly, repeating_site};

/// A policy that drops parameters, a plain query, and a query that a decoder could interpret as
/// another page of the same key.
#[tokio::test]
async fn a_parameter_that_hides_is_in_the_key() {
    type With = fn(Policy) -> Policy;
    let only: With = |policy| policy.query_only(["q"]);
    let ignoring: With = |policy| policy.query_ignoring(["utm"]);
    let sorted: With = |policy| policy.query_sorted();
    let cases: [(With, &str, &[&str]); 4] = [
        (
            only,
            "/a?q=1",
            &[
                "/a?q=1&q=2",
                "/a?%71=2",
                "/a?q=1;q=2",
                "/a?utm=x;q=2",
                "/a?q=1&%71=2",
                "/a?Q=1&q=2",
                "/a?q=1%26q=2",
            ],
        ),
        (only, "/a", &["/a?utm=1;q=2", "/a?;q=2", "/a?q", "/a?%71", "/a?q%5B%5D=1;q"]),
        (
            ignoring,
            "/a?q=1",
            &["/a?utm=1;q=2", "/a?q=1&utm=x;q=2", "/a?utm%00=1&q=1", "/a?UTM=1&q=1", "/a?q=1&utm%2B=1"],
        ),
        (
            sorted,
            "/a?a=1&b=2",
            &["/a?b=2;a=1", "/a?a=2&a=1&b=2", "/a?%61=2&a=1&b=2", "/a?a=1&b=2;", "/a?b=2&a=%31"],
        ),
    ];
    for (policy, plain, hidden) in cases {
        let (cache, _) = cache();
        let site = repeating_site(&cache, policy(hourly())).await;
        assert_eq!(get(&site, plain).await.summary(), ("MISS", plain));
        for path in hidden {
            assert_eq!(get(&site, path).await.summary(), ("MISS", *path), "after {plain}");
        }
        assert_eq!(get(&site, plain).await.summary(), ("HIT", plain));
    }
}

/// Only the handler knows what a character in a value means, so each spelling has its own key.
#[tokio::test]
async fn spellings_of_a_value_are_different_keys() {
    let (cache, _) = cache();
    let site = repeating_site(&cache, hourly().query_only(["q"])).await;
    let paths = [
        "/a?q=a+b",
        "/a?q=a%20b",
        "/a?q=a%2Bb",
        "/a?q=a%2bb",
        "/a?q=%61+b",
        "/a?q=a%00",
        "/a?q=a%0d%0ab",
        "/a?q=a%",
    ];
    for x_cache in ["MISS", "HIT"] {
        for path in paths {
            assert_eq!(get(&site, path).await.summary(), (x_cache, path));
        }
    }
}

/// The reference is axum's own query parser: it reads the same keyed values for all requests that
/// share a response.
#[tokio::test]
async fn the_key_has_what_axum_reads_of_a_query() {
    let (cache, _) = cache();
    let read = |Query(pairs): Query<Vec<(String, String)>>| async move {
        let kept = pairs.iter().filter(|(name, _)| name == "q");
        kept.map(|(_, value)| value.as_str()).collect::<Vec<_>>().join(",")
    };
    let router = Router::new().route("/a", routing::get(read).layer(cache.layer(hourly().query_only(["q"]))));
    let site = Site::of(router).await;
    let mut random = fastrand::Rng::with_seed(5);
    let pieces = [
        "q=1",
        "q=2",
        "%71=3",
        "q%3D=4",
        "utm=5",
        ";q=6",
        "q;=7",
        "&",
        "utm=1;q=8",
        "%FF=9",
        "q=%FF",
        "+q=1",
        "q",
    ];
    for _ in 0..300 {
        let count = random.usize(0..4);
        let query = (0..count).map(|_| pieces[random.usize(..pieces.len())]).collect::<Vec<_>>().join("&");
        let path = format!("/a?{query}");
        let cached = get(&site, &path).await;
        let uncached =
            super::raw(&site, &format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nAuthorization: x"))
                .await;
        assert_eq!((cached.status(), &cached.body), (uncached.status(), &uncached.body), "{path}");
    }
    assert!(cache.stats().hits_memory > 20);
}
