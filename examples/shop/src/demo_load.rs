//! Load of made-up clients, so that the operations have something to show.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, header};
use tower::ServiceExt;

/// The time between two requests.
const PAUSE: Duration = Duration::from_millis(5);
/// The products that clients ask for. Few of them get most of the requests.
const PRODUCTS: u32 = 2_000;
const USERS: u32 = 500;
/// The most bytes of a response that a client reads.
const MAX_BODY: usize = 1024 * 1024;

/// Sends requests until the future is dropped.
///
/// Most are for products. One in a hundred changes a product, which invalidates it.
pub(crate) async fn run(shop: Router) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let shop = shop.clone();
        // A slow handler delays no other client.
        tokio::spawn(async move {
            let Ok(response) = shop.oneshot(next_request()).await;
            let _ = to_bytes(response.into_body(), MAX_BODY).await;
        });
    }
}

fn next_request() -> Request<Body> {
    match fastrand::u32(..100) {
        0 => change(popular(PRODUCTS)),
        1..=60 => get(&format!("/api/products/{}", popular(PRODUCTS))),
        61..=70 => get(&format!("/api/products/{}/related", popular(PRODUCTS))),
        71..=80 => get(&format!("/api/products?q=lamp&page={}", popular(5))),
        81..=92 => get(&format!("/api/users/{}", popular(USERS))),
        93..=96 => get("/api/users/top"),
        _ => get("/api/countries"),
    }
}

/// Returns a number from 1 to `most`. Small numbers are more frequent: Zipf's law with exponent 1.
fn popular(most: u32) -> u32 {
    let number = f64::from(most).powf(fastrand::f64());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // From 1 to `most`.
    (number as u32).clamp(1, most)
}

fn get(uri: &str) -> Request<Body> {
    request(Method::GET, uri, Body::empty())
}

fn change(product: u32) -> Request<Body> {
    let price = fastrand::u32(100..100_000);
    let body = format!(r#"{{"name":"Product {product}","price_cents":{price}}}"#);
    request(Method::PUT, &format!("/api/products/{product}"), Body::from(body))
}

fn request(method: Method, uri: &str, body: Body) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // All parts are numbers and fixed texts.
    *request.uri_mut() = uri.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert(header::HOST, header::HeaderValue::from_static("demo.example"));
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn popular_numbers_are_in_range_and_small_ones_are_frequent() {
        let mut counts = [0; 101];
        for _ in 0..10_000 {
            counts[popular(100) as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1] > 1_000 && counts[1..=10].iter().sum::<u32>() > 4_000, "{counts:?}");
    }
}
