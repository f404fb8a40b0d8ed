//! Conditions, ranges and `HEAD`, for the form that a request gets.

use http::{Method, StatusCode};
use larder::ContentCoding::{Br, Gzip};
use larder_tests::http::Page;

use super::{accepting, coding, decoded, in_brotli, json, kept, send, versions};
use crate::support::{cache, site};

fn is_not_modified(page: &Page, etag: &str) -> bool {
    page.status == StatusCode::NOT_MODIFIED
        && page.field("etag") == etag
        && page.body.is_empty()
        && page.all("vary") == ["accept-encoding"]
        && page.field("content-encoding").is_empty()
}

#[tokio::test]
async fn each_form_has_a_strong_tag_and_answers_its_own_conditions() {
    let (cache, _) = cache();
    let site = site(&cache, coding(), &versions()).await;
    let br = in_brotli(&cache, &site).await.field("etag");
    accepting(&site, "gzip").await;
    kept(&cache, &[Br, Gzip]).await;
    let gzip = accepting(&site, "gzip").await.field("etag");
    let own = "\"v0\"";
    assert!(br.starts_with('"') && gzip.starts_with('"') && br != gzip && br != own && gzip != own);
    let other = "\"other\"";
    let any = [br.as_str(), gzip.as_str(), own].join(", ");
    for (codings, condition, expected) in [
        ("br", &*br, Some(&*br)),
        ("gzip", &*gzip, Some(&*gzip)),
        ("identity", own, Some(own)),
        // The client has the response without a coding.
        ("br", own, Some(own)),
        ("gzip", own, Some(own)),
        // It has a form that it does not accept any more.
        ("identity", &*br, None),
        ("gzip", &*br, None),
        ("br, identity;q=0", own, None),
        ("br", other, None),
        ("br", "*", Some(&*br)),
        ("br", &*any, Some(&*br)),
        ("identity", &*any, Some(own)),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let fields = [("accept-encoding", codings), ("if-none-match", condition)];
            let page = send(&site, method.clone(), &fields).await;
            let context = format!("{method} {codings} {condition}");
            match expected {
                Some(etag) => assert!(is_not_modified(&page, etag), "{context}: {page:?}"),
                None => assert_eq!(page.status, StatusCode::OK, "{context}"),
            }
        }
    }
}

#[tokio::test]
async fn a_head_has_the_fields_of_the_form() {
    let (cache, _) = cache();
    let site = site(&cache, coding(), &versions()).await;
    in_brotli(&cache, &site).await;
    for codings in ["br", "identity"] {
        let (get, head) = (
            accepting(&site, codings).await,
            send(&site, Method::HEAD, &[("accept-encoding", codings)]).await,
        );
        assert!(head.body.is_empty());
        for field in ["content-length", "content-encoding", "etag", "vary", "content-type"] {
            assert_eq!(head.field(field), get.field(field), "{codings} {field}");
        }
    }
}

#[tokio::test]
async fn a_range_is_of_the_form_that_the_request_gets() {
    let (cache, _) = cache();
    let site = site(&cache, coding(), &versions()).await;
    let br = in_brotli(&cache, &site).await;
    let (br_tag, coded, own) = (br.field("etag"), br.body.clone(), json(0));
    let ranged = async |codings: &str, if_range: Option<&str>| {
        let mut fields = vec![("accept-encoding", codings), ("range", "bytes=10-29")];
        fields.extend(if_range.map(|tag| ("if-range", tag)));
        send(&site, Method::GET, &fields).await
    };
    for (codings, if_range, coding, whole) in [
        ("br", None, "br", &coded[..]),
        ("br", Some(&*br_tag), "br", &coded),
        ("identity", None, "", own.as_bytes()),
        ("identity", Some("\"v0\""), "", own.as_bytes()),
        // The client has the beginning of the response without a coding.
        ("br", Some("\"v0\""), "", own.as_bytes()),
    ] {
        let page = ranged(codings, if_range).await;
        let context = format!("{codings} {if_range:?}");
        assert_eq!(page.status, StatusCode::PARTIAL_CONTENT, "{context}");
        assert_eq!(
            (&page.body[..], page.field("content-encoding").as_str()),
            (&whole[10..30], coding),
            "{context}"
        );
        assert_eq!(page.field("content-range"), format!("bytes 10-29/{}", whole.len()), "{context}");
        assert_eq!(page.field("etag"), if coding.is_empty() { "\"v0\"" } else { &br_tag }, "{context}");
    }
    for (codings, if_range) in [("identity", &*br_tag), ("br", "\"other\""), ("br, identity;q=0", "\"v0\"")] {
        let page = ranged(codings, Some(if_range)).await;
        assert_eq!((page.status, decoded(&page)), (StatusCode::OK, json(0)), "{codings} {if_range}");
    }
}

/// A request that accepts nothing but a coding waits for it.
#[tokio::test]
async fn a_request_without_an_alternative_waits_for_the_coding() {
    for method in [Method::GET, Method::HEAD] {
        let (cache, _) = cache();
        let origin = versions();
        let site = site(&cache, coding(), &origin).await;
        accepting(&site, "identity").await;
        for _ in 0..2 {
            let page = send(&site, method.clone(), &[("accept-encoding", "br, identity;q=0")]).await;
            assert_eq!((page.x_cache().as_str(), page.field("content-encoding").as_str()), ("HIT", "br"));
            assert_eq!(page.all("vary"), ["accept-encoding"]);
            if method == Method::GET {
                assert_eq!(decoded(&page), json(0));
            }
        }
        // The fields of the one form are never those of the other.
        let own = accepting(&site, "identity").await;
        assert_eq!((own.text(), own.field("content-encoding").as_str()), (json(0), ""));
        kept(&cache, &[Br]).await;
        assert_eq!(origin.calls(), 1);
    }
}

#[tokio::test]
async fn a_miss_without_an_alternative_is_coded_too() {
    let (cache, _) = cache();
    let origin = versions();
    let site = site(&cache, coding(), &origin).await;
    let first = accepting(&site, "*;q=0, gzip").await;
    assert_eq!((first.x_cache().as_str(), first.field("content-encoding").as_str()), ("MISS", "gzip"));
    assert_eq!(decoded(&first), json(0));
    let second = accepting(&site, "gzip").await;
    for field in ["etag", "vary", "content-encoding", "content-length"] {
        assert_eq!(first.field(field), second.field(field), "{field}");
    }
    assert_eq!(first.body, second.body);
    // Nothing of it is acceptable, so the client gets what there is.
    let none = accepting(&site, "*;q=0").await;
    assert_eq!((none.status, none.text()), (StatusCode::OK, json(0)));
}
