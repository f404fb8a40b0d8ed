//! The choice of a coding, and the one stored response for all of them.

use std::sync::Arc;

use http::Method;
use larder::ContentCoding::{Br, Gzip, Zstd};
use larder_tests::http::Site;

use super::{accepting, coding, decoded, entries, json, kept, send, versions};
use crate::support::{all, cache, hourly, secs, site};

/// Spellings of clients, and the coding that each gets.
const SPELLINGS: [(&str, &str); 20] = [
    ("gzip", "gzip"),
    ("gzip, deflate", "gzip"),
    ("gzip, deflate, br", "br"),
    ("gzip, deflate, br, zstd", "br"),
    ("br, gzip", "br"),
    ("br;q=1.0, gzip;q=0.8, *;q=0.1", "br"),
    ("GZIP", "gzip"),
    ("x-gzip", "gzip"),
    ("zstd", "zstd"),
    ("zstd;q=0.9, br;q=0.5", "zstd"),
    ("*", "br"),
    ("*;q=0.5, gzip", "gzip"),
    ("deflate", ""),
    ("identity", ""),
    ("identity;q=1, *;q=0", ""),
    ("", ""),
    ("br;q=0, gzip", "gzip"),
    ("gzip;q=0.2, identity;q=0.5", ""),
    ("gzip , br ", "br"),
    ("br; q=0.4 , zstd; q=0.400", "br"),
];

#[tokio::test]
async fn twenty_spellings_run_the_handler_once() {
    let (cache, _) = cache();
    let origin = versions();
    let site = Arc::new(site(&cache, coding(), &origin).await);
    let ask = |(codings, _): (&'static str, _)| {
        let site = Arc::clone(&site);
        tokio::spawn(async move { accepting(&site, codings).await })
    };
    for page in all(SPELLINGS.map(ask).into()).await {
        assert_eq!(decoded(&page), json(0));
        assert_eq!(page.all("vary"), ["accept-encoding"]);
    }
    kept(&cache, &[Br, Zstd, Gzip]).await;
    for (codings, expected) in SPELLINGS {
        let page = accepting(&site, codings).await;
        let context = format!("{codings:?}");
        assert_eq!(
            (page.x_cache().as_str(), page.field("content-encoding").as_str()),
            ("HIT", expected),
            "{context}"
        );
        assert_eq!(decoded(&page), json(0), "{context}");
        assert_eq!(page.all("vary"), ["accept-encoding"], "{context}");
        assert_eq!(page.field("content-length"), page.body.len().to_string(), "{context}");
    }
    let without = site.get("/a").await;
    assert_eq!((without.field("content-encoding").as_str(), without.text()), ("", json(0)));
    assert_eq!((origin.calls(), entries(&cache).await.len()), (1, 1));
    assert_eq!(origin.requests()[0].headers["accept-encoding"], "identity");
}

/// The first client gets the response without a coding. So does everyone until it is coded.
#[tokio::test]
async fn a_coding_is_made_at_the_first_request_that_prefers_it() {
    let (cache, _) = cache();
    let origin = versions();
    let site = site(&cache, coding(), &origin).await;
    let first = accepting(&site, "identity").await;
    assert_eq!((first.x_cache().as_str(), first.field("etag").as_str()), ("MISS", "\"v0\""));
    assert!(entries(&cache).await[0].codings.is_empty());
    let second = accepting(&site, "gzip, br;q=0.1").await;
    assert_eq!((second.x_cache().as_str(), second.text()), ("HIT", json(0)));
    kept(&cache, &[Gzip]).await;
    let third = accepting(&site, "gzip, br;q=0.1").await;
    assert_eq!((third.x_cache().as_str(), third.field("content-encoding").as_str()), ("HIT", "gzip"));
    accepting(&site, "zstd").await;
    kept(&cache, &[Zstd, Gzip]).await;
}

#[tokio::test]
async fn the_order_of_the_policy_decides_between_equal_weights() {
    let (cache, _) = cache();
    let origin = versions();
    let site = site(&cache, hourly().encode([Gzip, Br]), &origin).await;
    accepting(&site, "br, zstd, gzip").await;
    kept(&cache, &[Gzip]).await;
    let page = accepting(&site, "zstd").await;
    assert_eq!(page.field("content-encoding"), "", "it is not a coding of the policy");
}

/// A coded form takes memory, and the bytes that count as served are its own.
#[tokio::test]
async fn sizes_are_those_of_the_coded_form() {
    let (cache, _) = cache();
    let site = site(&cache, coding(), &versions()).await;
    accepting(&site, "identity").await;
    let (before, entry) = (cache.stats().memory_bytes, entries(&cache).await.remove(0));
    accepting(&site, "br").await;
    kept(&cache, &[Br]).await;
    let after = cache.stats().memory_bytes;
    let coded = accepting(&site, "br").await.body.len() as u64;
    assert!(after > before + coded && after < before + coded + 2_048, "{before} {after} {coded}");
    let grown = entries(&cache).await.remove(0);
    assert_eq!(grown.stored_bytes - entry.stored_bytes, after - before);
    assert_eq!(grown.body_bytes, entry.body_bytes);
    cache.invalidate(larder::Invalidation::all()).await.require_applied().unwrap();
    site.get("/a").await;
    assert_eq!(cache.stats().memory_bytes, before, "they go with their response");
}

/// A request with the coding of a stale response gets that, and the refresh brings a new one.
#[tokio::test]
async fn a_stale_response_is_served_in_its_coding() {
    let (cache, clock) = cache();
    let origin = versions();
    let site: Site = site(&cache, coding().stale_while_revalidate(secs(600)), &origin).await;
    let fresh = super::in_brotli(&cache, &site).await;
    clock.advance(secs(3_601));
    let stale = accepting(&site, "br").await;
    assert_eq!((stale.x_cache().as_str(), stale.body.clone()), ("STALE", fresh.body.clone()));
    assert_eq!(stale.field("etag"), fresh.field("etag"));
    crate::support::stored(&cache, 2).await;
    kept(&cache, &[Br]).await;
    let new = accepting(&site, "br").await;
    assert_eq!((new.x_cache().as_str(), decoded(&new)), ("HIT", json(1)));
    assert_ne!(new.field("etag"), fresh.field("etag"));
    let head = send(&site, Method::HEAD, &[("accept-encoding", "br")]).await;
    assert_eq!(head.field("etag"), new.field("etag"));
}
