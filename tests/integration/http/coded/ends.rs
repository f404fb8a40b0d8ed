//! A coded form goes with its response.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use http::StatusCode;
use larder::ContentCoding::Br;
use larder::{Invalidation, InvalidationOutcome};
use larder_testing::{Answer, Origin};

use super::{accepting, answer, coding, decoded, entries, in_brotli, json, kept, versions};
use crate::support::{cache, secs, site};

#[tokio::test]
async fn after_an_invalidation_no_coded_form_of_the_old_response_is_served() {
    let (cache, _) = cache();
    let origin = versions();
    let site = site(&cache, coding().tag("all"), &origin).await;
    for version in 0..20 {
        let page = in_brotli(&cache, &site).await;
        assert_eq!(decoded(&page), json(version));
        let invalidated = cache.invalidate(Invalidation::tag("all")).await;
        assert_eq!(invalidated, InvalidationOutcome::Applied);
        // At once, while the old form may still be somewhere.
        let next = accepting(&site, "br").await;
        assert_eq!((next.x_cache().as_str(), decoded(&next)), ("MISS", json(version + 1)));
    }
}

/// An invalidation while the response is being coded.
#[tokio::test]
async fn a_form_that_is_made_too_late_is_not_kept() {
    let (cache, _) = cache();
    let origin = versions();
    let site = site(&cache, coding(), &origin).await;
    for version in 0..50 {
        let first = accepting(&site, "br").await;
        assert_eq!(decoded(&first), json(version));
        cache.invalidate(Invalidation::all()).await.require_applied().unwrap();
    }
    let last = in_brotli(&cache, &site).await;
    assert_eq!(decoded(&last), json(50));
}

#[tokio::test]
async fn a_form_expires_with_its_response() {
    let (cache, clock) = cache();
    let origin = versions();
    let site = site(&cache, coding(), &origin).await;
    in_brotli(&cache, &site).await;
    clock.advance(secs(3_599));
    assert_eq!(accepting(&site, "br").await.x_cache(), "HIT");
    clock.advance(secs(1));
    let next = accepting(&site, "br").await;
    assert_eq!((next.x_cache().as_str(), decoded(&next)), ("MISS", json(1)));
}

/// A 304 confirms the body, so its form stays. The fields of the form are the new ones.
#[tokio::test]
async fn a_form_stays_after_a_304() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, run| {
        let is_confirmed = request.headers.contains_key("if-none-match");
        let answer = if is_confirmed { Answer::status(StatusCode::NOT_MODIFIED) } else { answer(json(0)) };
        answer.header("etag", "\"same\"").header("x-run", run.to_string())
    });
    let site = site(&cache, coding(), &origin).await;
    let first = in_brotli(&cache, &site).await;
    clock.advance(secs(3_601));
    let own = accepting(&site, "identity").await;
    assert_eq!((own.x_cache().as_str(), own.text(), own.field("x-run").as_str()), ("MISS", json(0), "2"));
    assert_eq!(entries(&cache).await[0].codings, [Br], "it was not made again");
    let second = accepting(&site, "br").await;
    assert_eq!((second.x_cache().as_str(), &second.body), ("HIT", &first.body));
    assert_eq!((second.field("etag"), second.field("x-run").as_str()), (first.field("etag"), "2"));
    assert_eq!(second.all("vary"), ["accept-encoding"]);
}

/// A 304 that forbids to change the content ends the coded form.
#[tokio::test]
async fn a_304_may_forbid_the_form() {
    let (cache, clock) = cache();
    let forbids = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&forbids);
    let origin = Origin::new(move |request, _| {
        let is_confirmed = request.headers.contains_key("if-none-match");
        let answer = if is_confirmed { Answer::status(StatusCode::NOT_MODIFIED) } else { answer(json(0)) };
        let answer = answer.header("etag", "\"same\"");
        if told.load(Ordering::Relaxed) { answer.header("cache-control", "no-transform") } else { answer }
    });
    let site = site(&cache, coding(), &origin).await;
    in_brotli(&cache, &site).await;
    forbids.store(true, Ordering::Relaxed);
    clock.advance(secs(3_601));
    for _ in 0..3 {
        let page = accepting(&site, "br").await;
        assert_eq!((page.text(), page.field("content-encoding").as_str()), (json(0), ""));
    }
    kept(&cache, &[]).await;
}
