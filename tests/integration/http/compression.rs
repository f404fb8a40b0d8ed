//! Compression on both sides of the cache.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use larder::{Cache, Policy};
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, Site, soon};
use tower::ServiceBuilder;
use tower_http::compression::CompressionLayer;

use crate::support::{all, cache, hourly, secs, site, site_behind_door};

/// Returns a text that a compression makes shorter, but not much shorter.
fn text() -> String {
    (0..20_000_u32).map(|number| format!("{:x}\n", number.wrapping_mul(2_654_435_761))).collect()
}

/// A site whose `CompressionLayer` is around the cache.
async fn compressed_outside(cache: &Cache, policy: Policy) -> Site {
    let layers = ServiceBuilder::new().layer(CompressionLayer::new()).layer(cache.layer(policy));
    Site::of(Router::new().route("/a", get(async || text())).layer(layers)).await
}

async fn ask(site: &Site, fields: &[(&'static str, &str)]) -> Page {
    fields.iter().fold(site.ask(Method::GET, "/a"), |ask, (name, value)| ask.with(name, value)).send().await
}

/// Downloads the text, loses the connection on the way, and resumes it. Returns the file.
async fn resume(site: &Site, accepted: &str) -> Bytes {
    let accepts = ("accept-encoding", accepted);
    let page = ask(site, &[accepts]).await;
    let half = page.body.len() / 2;
    let range = format!("bytes={half}-");
    let rest = ask(site, &[accepts, ("range", &range), ("if-range", &page.field("etag"))]).await;
    match rest.status {
        StatusCode::PARTIAL_CONTENT => [&page.body[..half], &rest.body].concat().into(),
        _ => rest.body,
    }
}

/// The bytes and the compressed bytes have one entity tag, since the layer outside does not change
/// it. `If-Range` must not match it.
#[tokio::test]
async fn a_resumed_download_is_not_corrupt_behind_a_compression() {
    let (cache, _) = cache();
    let site = compressed_outside(&cache, hourly()).await;
    for x_cache in ["MISS", "HIT"] {
        let zipped = ask(&site, &[("accept-encoding", "gzip")]).await;
        assert_eq!((zipped.x_cache().as_str(), zipped.field("content-encoding").as_str()), (x_cache, "gzip"));
        assert!(zipped.body.len() < text().len());
        assert!(zipped.field("etag").starts_with("W/\""), "{x_cache}");
        assert!(resume(&site, "gzip").await == zipped.body, "{x_cache}");
        assert!(resume(&site, "identity").await == text(), "{x_cache}");
        // A change of mind on the way.
        let fields = [("range", "bytes=1000-"), ("if-range", &zipped.field("etag"))];
        assert_eq!(ask(&site, &fields).await.status, StatusCode::OK);
        // The tag still answers conditions, for both forms.
        for accepted in ["gzip", "identity"] {
            let fields = [("if-none-match", zipped.field("etag")), ("accept-encoding", accepted.to_owned())];
            let page = ask(&site, &fields.each_ref().map(|(name, value)| (*name, value.as_str()))).await;
            assert_eq!(page.status, StatusCode::NOT_MODIFIED);
        }
    }
}

/// Where nothing changes the bodies, a policy may have strong tags, and downloads are resumed.
#[tokio::test]
async fn a_policy_may_make_strong_tags() {
    for policy in [hourly().strong_etag(), hourly().no_etag().strong_etag()] {
        let (cache, _) = cache();
        let origin = Origin::always(Answer::ok("0123456789"));
        let site = site(&cache, policy, &origin).await;
        for _ in 0..2 {
            let etag = ask(&site, &[]).await.field("etag");
            assert!(etag.starts_with('"'), "{etag}");
            let rest = ask(&site, &[("range", "bytes=5-"), ("if-range", &etag)]).await;
            assert_eq!((rest.status, rest.text().as_str()), (StatusCode::PARTIAL_CONTENT, "56789"));
        }
        assert_eq!(origin.calls(), 1);
    }
    let (cache, _) = cache();
    let origin = Origin::always(Answer::ok("page").header("cache-control", "max-age=9"));
    for (policy, start) in [(Policy::rfc9111(), ""), (Policy::rfc9111().strong_etag(), "\"")] {
        let etag = ask(&site(&cache, policy, &origin).await, &[]).await.field("etag");
        assert_eq!(etag.get(..1).unwrap_or_default(), start);
    }
}

/// A site whose `CompressionLayer` is inside of the cache, and the number of its handler's runs.
async fn compressed_inside(cache: &Cache) -> (Site, Arc<AtomicUsize>) {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let handler = get(async move || {
        counted.fetch_add(1, Ordering::Relaxed);
        text()
    });
    let layers = ServiceBuilder::new().layer(cache.layer(hourly())).layer(CompressionLayer::new());
    (Site::of(Router::new().route("/a", handler).layer(layers)).await, runs)
}

#[tokio::test]
async fn spellings_of_accept_encoding_share_a_response() {
    let (cache, _) = cache();
    let (site, runs) = compressed_inside(&cache).await;
    let variants: [(&[&str], &str); 3] = [
        (&["gzip, br", "br, gzip, deflate", "gzip,deflate,br", "BR;q=1.0, gzip"], "gzip"),
        (&["gzip", "gzip, deflate", "deflate, gzip, x-gzip", "gzip;q=1, br;q=0"], "gzip"),
        (&["identity", "gzip;q=0", "identity;q=0.5, br;q=0", ""], ""),
    ];
    for (nth, (spellings, coding)) in variants.iter().enumerate() {
        for (index, spelling) in spellings.iter().enumerate() {
            let page = ask(&site, &[("accept-encoding", spelling)]).await;
            let x_cache = if index == 0 { "MISS" } else { "HIT" };
            assert_eq!(
                (page.x_cache().as_str(), page.field("content-encoding").as_str()),
                (x_cache, *coding)
            );
        }
        assert_eq!(runs.load(Ordering::Relaxed), nth + 1);
    }
}

/// A client that accepts no coding, or another one, never gets gzip.
#[tokio::test]
async fn no_client_gets_a_coding_that_it_did_not_list() {
    let (cache, _) = cache();
    let (site, _) = compressed_inside(&cache).await;
    let refusing = ["", "identity", "br", "deflate", "zstd, br", "gzip;q=0", "gzip;q=0.000, br", "gzip;q=2"];
    let accepting = ["gzip", "gzip, br", "deflate, gzip;q=0.5", "br;q=0, gzip"];
    for _ in 0..2 {
        for spelling in accepting.iter().chain(&refusing) {
            let coding = ask(&site, &[("accept-encoding", spelling)]).await.field("content-encoding");
            assert!(coding.is_empty() || accepting.contains(spelling), "{coding} for {spelling:?}");
        }
        // Without the field, servers send the bytes themselves.
        assert_eq!(ask(&site, &[]).await.field("content-encoding"), "");
    }
}

/// The handler gets the normal form, so its response suits all requests of the variant. A request
/// that bypasses the cache keeps its own field.
#[tokio::test]
async fn the_handler_gets_the_normal_form() {
    let (cache, clock) = cache();
    let seen = |headers: &HeaderMap| {
        headers.get("accept-encoding").map_or("none", |value| value.to_str().unwrap()).to_owned()
    };
    let origin = Origin::new(move |request, _| {
        Answer::ok(seen(&request.headers)).header("vary", "accept-encoding").header("etag", "\"a\"")
    });
    let site = site(&cache, hourly().stale_while_revalidate(secs(60)), &origin).await;
    let spelled = |fields: &'static [(&'static str, &str)]| ask(&site, fields);
    assert!(spelled(&[("accept-encoding", "deflate, GZIP, br")]).await.is("MISS", "br,gzip"));
    assert!(spelled(&[("accept-encoding", "br"), ("accept-encoding", "gzip")]).await.is("HIT", "br,gzip"));
    assert!(spelled(&[]).await.is("MISS", "none"));
    assert!(spelled(&[("accept-encoding", "gzip;q=x, br")]).await.is("MISS", "gzip;q=x, br"));
    let bypass = [("accept-encoding", "deflate, gzip"), ("if-match", "\"a\"")];
    assert!(ask(&site, &bypass).await.is("BYPASS", "deflate, gzip"));
    // A refresh in the background as well.
    clock.advance(secs(3600));
    assert!(spelled(&[("accept-encoding", "gzip, deflate, br")]).await.is("STALE", "br,gzip"));
    soon("a refresh", async {
        while !ask(&site, &[("accept-encoding", "br, gzip")]).await.is("HIT", "br,gzip") {}
    })
    .await;
}

/// Concurrent requests with several spellings run the handler once.
#[tokio::test]
async fn spellings_share_a_fill() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("page").header("vary", "accept-encoding").held_at(&gate));
    let (site, door) = site_behind_door(&cache, hourly(), &origin).await;
    let asked = ["gzip, br", "br, gzip, deflate", "deflate, br, gzip"].map(|spelling| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { ask(&site, &[("accept-encoding", spelling)]).await })
    });
    door.came(3).await;
    gate.open();
    assert!(all(asked.into()).await.iter().all(|page| page.text() == "page"));
    assert_eq!(origin.calls(), 1);
}
