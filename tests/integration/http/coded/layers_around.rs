//! Layers that compress, around the cache and inside of it.

use axum::Router;
use axum::routing::get;
use larder::ContentCoding::Gzip;
use larder_tests::http::Site;
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

use super::{coding, decoded, json, kept};
use crate::support::cache;

async fn handler() -> ([(&'static str, &'static str); 1], String) {
    ([("content-type", "application/json")], json(0))
}

async fn accepting(site: &Site, codings: &str) -> larder_tests::http::Page {
    site.ask(http::Method::GET, "/a").with("accept-encoding", codings).send().await
}

/// A layer around the cache compresses what is not coded yet, and leaves the rest alone.
#[tokio::test]
async fn a_layer_around_the_cache_leaves_coded_responses_alone() {
    let (cache, _) = cache();
    let layers = ServiceBuilder::new().layer(CompressionLayer::new()).layer(cache.layer(coding()));
    let site = Site::of(Router::new().route("/a", get(handler)).layer(layers)).await;
    let first = accepting(&site, "gzip").await;
    assert_eq!((first.field("content-encoding").as_str(), decoded(&first)), ("gzip", json(0)));
    kept(&cache, &[Gzip]).await;
    let hit = accepting(&site, "gzip").await;
    assert_eq!((hit.x_cache().as_str(), hit.all("content-encoding")), ("HIT", vec!["gzip".to_owned()]));
    assert_eq!(decoded(&hit), json(0));
    assert_eq!(hit.field("content-length"), hit.body.len().to_string(), "it passes as it is");
    // The layer does not change the tag of the response. The coded form has its own.
    assert!(first.field("etag").starts_with("W/") && hit.field("etag").starts_with('"'));
}

/// A layer inside of the cache is asked for nothing.
#[tokio::test]
async fn a_layer_inside_of_the_cache_has_nothing_to_do() {
    let (cache, _) = cache();
    let layers = ServiceBuilder::new().layer(cache.layer(coding())).layer(CompressionLayer::new());
    let site = Site::of(Router::new().route("/a", get(handler)).layer(layers)).await;
    for codings in ["gzip", "gzip, br", "deflate", "identity"] {
        assert_eq!(decoded(&accepting(&site, codings).await), json(0));
    }
    let first = accepting(&site, "gzip").await;
    assert_eq!(first.x_cache(), "HIT");
    kept(&cache, &[larder::ContentCoding::Br, Gzip]).await;
    assert_eq!(accepting(&site, "gzip").await.all("vary"), ["accept-encoding"]);
    assert_eq!(super::entries(&cache).await.len(), 1);
}
