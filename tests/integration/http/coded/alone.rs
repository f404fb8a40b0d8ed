//! Responses that are left as they are.

use http::StatusCode;
use larder::ContentCoding::Br;
use larder_testing::{Answer, Origin, Step};

use super::{accepting, answer, coding, decoded, entries, in_brotli, json, kept};
use crate::support::{cache, secs, site};

#[tokio::test]
async fn these_responses_are_not_coded() {
    let text = || answer(json(0));
    let small = "x".repeat(1023);
    for (what, answered) in [
        ("coded by the handler", text().header("content-encoding", "deflate")),
        ("no-transform", text().header("cache-control", "no-transform")),
        ("a digest", text().header("repr-digest", "sha-256=:AA==:")),
        ("an image", Answer::ok(json(0)).header("content-type", "image/png")),
        ("too small", answer(small.clone())),
        ("a 404", text().body(json(0)).header("x", "y")),
    ] {
        let (cache, _) = cache();
        let is_404 = what == "a 404";
        let answered = if is_404 {
            Answer::status(StatusCode::NOT_FOUND).body(json(0)).header("content-type", "application/json")
        } else {
            answered
        };
        let origin = Origin::always(answered);
        let site = site(&cache, coding().status(StatusCode::NOT_FOUND, secs(60)), &origin).await;
        let first = accepting(&site, "br").await;
        for codings in ["br", "gzip", "br, identity;q=0"] {
            let page = accepting(&site, codings).await;
            assert_eq!((page.x_cache().as_str(), &page.body), ("HIT", &first.body), "{what}");
            assert_eq!(page.field("content-encoding"), first.field("content-encoding"), "{what}");
            assert_eq!(page.field("vary"), "", "{what}");
        }
        assert!(entries(&cache).await[0].codings.is_empty(), "{what}");
        assert_eq!(origin.calls(), 1, "{what}");
    }
}

/// Bytes that a codec makes no smaller are found out once, also by a request that would wait.
#[tokio::test]
async fn what_a_coding_makes_no_smaller_is_served_as_it_is() {
    let (cache, _) = cache();
    let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(20_000).collect();
    let origin = Origin::always(Answer::ok(noise.clone()).header("content-type", "application/wasm"));
    let site = site(&cache, coding(), &origin).await;
    for codings in ["br", "br, identity;q=0", "br"] {
        let page = accepting(&site, codings).await;
        assert_eq!((page.body, page.headers.get("content-encoding")), (noise.clone().into(), None));
    }
    assert!(entries(&cache).await[0].codings.is_empty());
}

/// A handler that varies on the field was asked once, without a coding.
#[tokio::test]
async fn a_handler_that_varies_on_the_field_has_one_response() {
    let (cache, _) = cache();
    let origin = Origin::always(answer(json(0)).header("vary", "Accept-Encoding, Accept"));
    let site = site(&cache, coding(), &origin).await;
    for codings in ["gzip", "br", "deflate"] {
        assert_eq!(accepting(&site, codings).await.field("vary"), "Accept-Encoding, Accept");
    }
    assert_eq!((origin.calls(), entries(&cache).await.len()), (1, 1));
    let names: Vec<_> = entries(&cache).await[0].variant.iter().map(|field| field.name.to_string()).collect();
    assert_eq!(names, ["accept"]);
}

#[tokio::test]
async fn a_body_that_arrives_in_steps_is_coded_at_its_end() {
    let (cache, _) = cache();
    let text = json(0);
    let (one, two) = text.split_at(1000);
    let steps = [Step::data(one.to_owned()), Step::data(two.to_owned())];
    let origin = Origin::always(answer("").steps(steps));
    let site = site(&cache, coding(), &origin).await;
    let first = accepting(&site, "br").await;
    assert_eq!((first.text(), first.field("vary").as_str()), (text.clone(), "accept-encoding"));
    let page = in_brotli(&cache, &site).await;
    assert_eq!(decoded(&page), text);
}

/// A response that the policy does not store goes out as the handler has made it.
#[tokio::test]
async fn what_is_not_stored_is_not_coded() {
    let (cache, _) = cache();
    let origin = Origin::always(answer(json(0)).header("cache-control", "no-store"));
    let site = site(&cache, coding(), &origin).await;
    for codings in ["br", "br, identity;q=0"] {
        let page = accepting(&site, codings).await;
        assert_eq!((page.text(), page.field("content-encoding").as_str()), (json(0), ""));
        assert_eq!(page.field("vary"), "");
    }
}

/// A response that is larger than the memory has no form there.
#[tokio::test]
async fn a_form_that_does_not_fit_into_memory_is_not_kept() {
    let body = json(0);
    let cache = larder::Cache::builder().max_memory_bytes(body.len() as u64 + 1_800).build();
    let origin = Origin::always(answer(body.clone()));
    let site = site(&cache, coding(), &origin).await;
    for _ in 0..20 {
        let page = accepting(&site, "br").await;
        assert_eq!((page.text(), page.field("content-encoding").as_str()), (body.clone(), ""));
    }
    // Then one that has room.
    let cache = larder::Cache::builder().max_memory_bytes(1024 * 1024).build();
    let site = crate::support::site(&cache, coding(), &origin).await;
    accepting(&site, "br").await;
    kept(&cache, &[Br]).await;
}
