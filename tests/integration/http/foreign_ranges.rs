//! `Range` fields that the cache does not understand. Only the handler does.

use http::{Method, StatusCode};
use larder::{Cache, Policy};
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{cache, hourly, site};

/// The forms of real APIs, and fields that are no ranges at all.
const FOREIGN: [&str; 7] = ["0-24", "items=0-24", "ITEMS=0-", "bytes", "bytes 0-1", "bytes =0-1", ""];

/// An API that pages by `Range`, like PostgREST.
fn paged() -> Origin {
    Origin::new(|request, _| match request.headers.get("range") {
        None => Answer::ok("all").header("cache-control", "max-age=3600"),
        Some(range) => Answer::status(StatusCode::PARTIAL_CONTENT)
            .header("content-range", "0-24/100")
            .body(range.to_str().unwrap().to_owned()),
    })
}

async fn ask(site: &Site, method: Method, ranges: &[&str], fields: &[(&'static str, &str)]) -> Page {
    let mut ask = site.ask(method, "/a");
    for range in ranges {
        ask = ask.with("range", range);
    }
    fields.iter().fold(ask, |ask, (name, value)| ask.with(name, value)).send().await
}

#[tokio::test]
async fn a_range_that_is_not_understood_is_the_handlers() {
    let no_memory = Cache::builder().max_memory_bytes(0).build();
    let layers: [(Cache, Policy); 5] = [
        (cache().0, hourly()),
        (cache().0, hourly().store_partial()),
        (cache().0, hourly().no_vary_search()),
        (cache().0, Policy::rfc9111()),
        (no_memory, hourly()),
    ];
    for (cache, policy) in layers {
        let origin = paged();
        let site = site(&cache, policy, &origin).await;
        for before in ["nothing is stored", "the whole is stored"] {
            for range in FOREIGN {
                let page = ask(&site, Method::GET, &[range], &[("if-range", "\"x\"")]).await;
                assert_eq!((page.status.as_u16(), page.text().as_str()), (206, range), "{before}");
                assert_eq!(page.cache_status(), "Larder; fwd=bypass; fwd-status=206; detail=range");
                assert_eq!(origin.requests().last().unwrap().headers["if-range"], "\"x\"");
                let head = ask(&site, Method::HEAD, &[range], &[]).await;
                assert_eq!((head.status.as_u16(), head.x_cache().as_str()), (206, "BYPASS"), "{before}");
                assert_eq!(origin.requests().last().unwrap().headers["range"], range);
            }
            // None of the parts is stored as the whole.
            assert_eq!(site.get("/a").await.text(), "all");
        }
    }
}

/// A handler that ignores the field sends the whole. It is not stored: what the field means for the
/// response is unknown.
#[tokio::test]
async fn a_response_to_a_range_that_is_not_understood_is_not_stored() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        Answer::ok(if request.headers.contains_key("range") { "some" } else { "all" }).header("etag", "\"a\"")
    });
    let site = site(&cache, hourly(), &origin).await;
    for range in FOREIGN {
        assert!(ask(&site, Method::GET, &[range], &[]).await.is("BYPASS", "some"), "{range}");
    }
    assert!(site.get("/a").await.is("MISS", "all"));
    // A condition is the handler's too.
    let page = ask(&site, Method::GET, &["0-24"], &[("if-none-match", "\"a\"")]).await;
    assert!(page.is("BYPASS", "some"));
    assert!(site.get("/a").await.is("HIT", "all"));
    assert_eq!(cache.stats().bypasses.get("range"), Some(&8));
}

/// Whatever a request bypasses the cache for, its handler gets all lines of its `Range`.
#[tokio::test]
async fn a_request_that_bypasses_keeps_its_range() {
    let (cache, _) = cache();
    let origin = paged();
    let site = site(&cache, hourly(), &origin).await;
    let ranges: [&[&str]; 7] = [
        &["0-24"],
        &["items=0-24"],
        &["bytes=0-1"],
        &["bytes=5-4"],
        &["bytes=x"],
        &["bytes=0-1", "bytes=2-3"],
        &["bytes=0-1", "0-24"],
    ];
    for ranges in ranges {
        for credentials in [("authorization", "a"), ("cookie", "a=b"), ("if-match", "\"x\"")] {
            let page = ask(&site, Method::GET, ranges, &[credentials]).await;
            assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (206, "BYPASS"), "{ranges:?}");
            let request = origin.requests().pop().unwrap();
            let seen: Vec<_> = request.headers.get_all("range").iter().collect();
            assert_eq!(seen, ranges, "{credentials:?}");
        }
    }
    assert_eq!(cache.stats().stored, 0);
}

/// RFC 9110 §14.2: a server "MAY ignore or reject a Range header field that contains an invalid
/// ranges-specifier". The cache ignores it, and leaves the choice to a handler that runs.
#[tokio::test]
async fn invalid_ranges_of_bytes_are_ignored_where_the_whole_is_stored() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let is_invalid = request.headers.contains_key("range");
        if is_invalid { Answer::status(StatusCode::RANGE_NOT_SATISFIABLE) } else { Answer::ok("all") }
    });
    let site = site(&cache, hourly(), &origin).await;
    let invalid: [&[&str]; 3] = [&["bytes=5-4"], &["bytes=x"], &["bytes=0-1", "bytes=2-3"]];
    for ranges in invalid {
        let page = ask(&site, Method::GET, ranges, &[]).await;
        assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (416, "MISS"), "{ranges:?}");
    }
    assert!(site.get("/a").await.is("MISS", "all"));
    for ranges in invalid {
        assert!(ask(&site, Method::GET, ranges, &[]).await.is("HIT", "all"), "{ranges:?}");
    }
}
