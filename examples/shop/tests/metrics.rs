//! A scrape of the shop, in the text format of Prometheus.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use axum::Router;
use axum::body::Body;
use axum::http::{Request, header};
use clap::Parser;
use http_body_util::BodyExt;
use shop::{Args, Shop};
use tower::ServiceExt;

async fn shop() -> Shop {
    let args = Args::try_parse_from(["shop", "--database", ":memory:"]).unwrap();
    Shop::open(&args).await.unwrap()
}

async fn get(shop: &Router, uri: &str) -> (String, String) {
    let request = Request::get(uri).header(header::HOST, "shop.example").body(Body::empty()).unwrap();
    let (parts, body) = shop.clone().oneshot(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let kind = parts.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
    (kind, String::from_utf8(body.to_vec()).unwrap())
}

/// Returns the value of the series with all of these parts in its name and labels.
fn value(scrape: &str, parts: &[&str]) -> Option<f64> {
    let line = scrape.lines().find(|line| parts.iter().all(|part| line.contains(part)));
    line?.rsplit(' ').next()?.parse().ok()
}

/// Counts are published every second, and when the cache is dropped, which needs no wait.
#[tokio::test]
async fn a_scrape_shows_the_requests_of_each_route() {
    let first = shop().await;
    for _ in 0..3 {
        get(&first.router(), "/api/products/7").await;
    }
    first.close().await;
    let (kind, scrape) = get(&shop().await.router(), "/metrics").await;
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let route = r#"route="/api/products/{id}""#;
    let requests = |outcome| value(&scrape, &["larder_requests_total{", route, outcome]);
    assert_eq!(requests(r#"outcome="miss""#), Some(1.0), "{scrape}");
    assert_eq!(requests(r#"outcome="hit""#), Some(2.0), "{scrape}");
    // The handler of a miss takes longer than a microsecond, and less than a minute.
    let below = |bound| value(&scrape, &["larder_request_seconds_bucket{", route, r#"result="miss""#, bound]);
    assert_eq!(below(r#"le="0.000001""#), Some(0.0), "{scrape}");
    assert_eq!(below(r#"le="64""#), Some(1.0), "{scrape}");
    assert!(value(&scrape, &["larder_hit_age_seconds_bucket{", r#"le="604800""#]).is_some(), "{scrape}");
}
