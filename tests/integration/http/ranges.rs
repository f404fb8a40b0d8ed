//! Requests for ranges of stored responses.

use http::{Method, StatusCode};
use larder::{Cache, Tag};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Page, Site, soon};

use crate::support::{all, at_once, cache, hourly, secs, site, stored};

const TEXT: &str = "0123456789";

async fn asked(site: &Site, range: &str) -> Page {
    site.ask(Method::GET, "/a").with("range", range).send().await
}

/// Returns a site with a stored page, and its origin.
async fn stocked(cache: &Cache, answer: Answer) -> (Site, Origin) {
    let origin = Origin::always(answer);
    let site = site(cache, hourly(), &origin).await;
    assert_eq!(site.get("/a").await.x_cache(), "MISS");
    (site, origin)
}

fn text() -> Answer {
    Answer::ok(TEXT).header("content-type", "text/plain").header("etag", "\"a\"")
}

/// RFC 9110 §15.3.7, §15.5.17.
#[tokio::test]
async fn a_part_of_what_is_stored_is_a_206_and_what_is_not_there_a_416() {
    let (cache, clock) = cache();
    let answer = text().header("x-more", "1").header("content-digest", "sha-256=:x:");
    let (site, origin) = stocked(&cache, answer).await;
    clock.advance(secs(7));
    for (range, part, content_range) in [
        ("bytes=0-1", "01", "bytes 0-1/10"),
        ("bytes=8-", "89", "bytes 8-9/10"),
        ("bytes=-1", "9", "bytes 9-9/10"),
        ("bytes=0-", TEXT, "bytes 0-9/10"),
        ("bytes=9-100", "9", "bytes 9-9/10"),
        ("BYTES= 3-4", "34", "bytes 3-4/10"),
        ("bytes=0-1,90-", "01", "bytes 0-1/10"),
        ("bytes=0-1,1-2", "012", "bytes 0-2/10"),
    ] {
        let page = asked(&site, range).await;
        assert_eq!((page.status.as_u16(), page.text().as_str()), (206, part), "{range}");
        assert_eq!(page.field("content-range"), content_range);
        assert_eq!(page.field("content-length"), part.len().to_string());
        assert_eq!((page.x_cache().as_str(), page.field("age").as_str()), ("HIT", "7"));
        assert_eq!(page.cache_status(), "Larder; hit; ttl=3593; detail=memory");
        assert_eq!((page.field("etag").as_str(), page.field("x-more").as_str()), ("\"a\"", "1"));
        assert_eq!(page.field("content-type"), "text/plain");
        assert_eq!(page.field("accept-ranges"), "bytes");
        assert_eq!(page.field("content-digest"), "", "it was that of the whole");
    }
    for range in ["bytes=10-", "bytes=-0", "bytes=99999999999999999999-"] {
        let page = asked(&site, range).await;
        assert_eq!((page.status.as_u16(), page.text().as_str()), (416, ""), "{range}");
        assert_eq!(page.field("content-range"), "bytes */10");
        assert_eq!((page.x_cache().as_str(), page.field("age").as_str()), ("HIT", "7"));
        assert_eq!(page.cache_status(), "Larder; hit; ttl=3593; detail=memory");
        assert_eq!((page.field("etag"), page.field("content-type")), (String::new(), String::new()));
    }
    assert_eq!(origin.calls(), 1);
}

#[tokio::test]
async fn a_range_that_makes_no_sense_gets_the_whole() {
    let (cache, _) = cache();
    let (site, origin) = stocked(&cache, text()).await;
    let many: Vec<_> = (0..2000).map(|_| "0-".to_owned()).collect();
    for range in ["bytes=5-4", "bytes=", "bytes=a", "BYTES=", &format!("bytes={}", many.join(","))] {
        let page = asked(&site, range).await;
        assert_eq!((page.status.as_u16(), page.summary()), (200, ("HIT".to_owned(), TEXT.to_owned())));
    }
    let two = site.ask(Method::GET, "/a").with("range", "bytes=0-1").with("range", "bytes=2-3");
    assert_eq!(two.send().await.status, StatusCode::OK);
    assert_eq!(origin.calls(), 1);
}

/// RFC 9110 §14.6, §15.3.7.2.
#[tokio::test]
async fn several_parts_come_in_one_body() {
    let (cache, _) = cache();
    let whole: String = ('a'..='z').cycle().take(1000).collect();
    let (site, _) =
        stocked(&cache, Answer::ok(whole.clone()).header("content-type", "text/plain; charset=utf-8")).await;
    let page = asked(&site, "bytes=500-509, 0-0, 505-514,-1").await;
    assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (206, "HIT"));
    assert_eq!(page.field("content-range"), "");
    let kind = page.field("content-type");
    let boundary = kind.strip_prefix("multipart/byteranges; boundary=").unwrap();
    let part = |range: std::ops::Range<usize>| {
        let (first, last) = (range.start, range.end - 1);
        let text = &whole[range];
        format!(
            "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes {first}-{last}/1000\r\n\r\n{text}\r\n"
        )
    };
    let expected = format!("{}{}{}--{boundary}--\r\n", part(500..515), part(0..1), part(999..1000));
    assert_eq!(page.text(), expected);
    assert_eq!(page.field("content-length"), expected.len().to_string());
}

/// A request that is designed to receive more than the page does not get much more.
#[tokio::test]
async fn no_request_gets_much_more_than_the_whole() {
    let (cache, _) = cache();
    let (site, _) = stocked(&cache, Answer::ok("x".repeat(100_000))).await;
    for range in ["0-,".repeat(16), "0-,-99999,1-,".repeat(5), "0-99999,".repeat(16)] {
        let page = asked(&site, &format!("bytes={}", range.trim_end_matches(','))).await;
        assert_eq!((page.status.as_u16(), page.body.len()), (206, 100_000), "{range}");
    }
}

/// RFC 9110 §13.1.5: with a strong entity tag, or a strong date.
#[tokio::test]
async fn if_range_asks_for_the_whole_of_what_has_changed() {
    let (cache, _) = cache();
    let (site, origin) =
        stocked(&cache, text().header("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")).await;
    for (validator, status) in [
        ("\"a\"", 206),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 206),
        ("\"b\"", 200),
        ("W/\"a\"", 200),
        ("Sun, 06 Nov 1994 08:49:38 GMT", 200),
        ("yesterday", 200),
    ] {
        let request = site.ask(Method::GET, "/a").with("range", "bytes=0-1").with("if-range", validator);
        let page = request.send().await;
        assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (status, "HIT"), "{validator}");
        assert_eq!(page.text(), if status == 206 { "01" } else { TEXT });
        // Without `Range`, it has no effect.
        let page = site.ask(Method::GET, "/a").with("if-range", validator).send().await;
        assert_eq!((page.status.as_u16(), page.text().as_str()), (200, TEXT));
    }
    assert_eq!(origin.calls(), 1);
}

/// RFC 9110 §13.2.2: conditions come first. §14.2: only `GET` has ranges.
#[tokio::test]
async fn a_304_comes_before_a_206_and_a_head_has_no_parts() {
    let (cache, _) = cache();
    let (site, origin) = stocked(&cache, text()).await;
    for (tag, range, status) in [
        ("\"a\"", "bytes=0-1", 304),
        ("\"a\"", "bytes=90-", 304),
        ("\"b\"", "bytes=0-1", 206),
        ("\"b\"", "bytes=90-", 416),
    ] {
        let request = site.ask(Method::GET, "/a").with("range", range).with("if-none-match", tag);
        assert_eq!(request.send().await.status.as_u16(), status, "{tag} {range}");
    }
    for range in ["bytes=0-1", "bytes=90-", "bytes=5-4"] {
        let head = site.ask(Method::HEAD, "/a").with("range", range).send().await;
        assert_eq!((head.status.as_u16(), head.x_cache().as_str()), (200, "HIT"));
        assert_eq!((head.field("content-length").as_str(), head.field("content-range").as_str()), ("10", ""));
        assert_eq!(head.field("accept-ranges"), "bytes");
    }
    assert_eq!(origin.calls(), 1);
}

/// RFC 9110 §14.2: only if the response without `Range` would be a 200. A handler may also refuse
/// ranges (§14.3).
#[tokio::test]
async fn a_response_that_is_no_200_or_refuses_parts_is_served_whole() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| match request.uri.path() {
        "/gone" => Answer::status(StatusCode::GONE).body(TEXT),
        "/empty" => Answer::ok(""),
        _ => Answer::ok(TEXT).header("accept-ranges", "none"),
    });
    let site = site(&cache, hourly().status(StatusCode::GONE, secs(60)), &origin).await;
    for (path, status) in [("/gone", 410), ("/empty", 200), ("/none", 200)] {
        let whole = site.get(path).await;
        for range in ["bytes=-1", "bytes=0-1,-1"] {
            let page = site.ask(Method::GET, path).with("range", range).send().await;
            assert_eq!((page.status.as_u16(), page.body.clone()), (status, whole.body.clone()), "{path}");
            assert_eq!((page.x_cache().as_str(), page.field("content-range").as_str()), ("HIT", ""));
        }
    }
    let page = site.ask(Method::GET, "/empty").with("range", "bytes=0-").send().await;
    assert_eq!((page.status.as_u16(), page.field("content-range").as_str()), (416, "bytes */0"));
    assert_eq!(origin.calls(), 3);
}

/// Most handlers do not support ranges: their complete response is stored, and the client gets its
/// range.
#[tokio::test]
async fn a_handler_that_ignores_ranges_fills_the_cache() {
    let (cache, _) = cache();
    let origin = Origin::always(text());
    let site = site(&cache, hourly(), &origin).await;
    let first = asked(&site, "bytes=2-3").await;
    assert_eq!((first.status.as_u16(), first.text().as_str()), (206, "23"));
    assert_eq!(first.field("content-range"), "bytes 2-3/10");
    assert_eq!(first.cache_status(), "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored");
    assert!(site.get("/a").await.is("HIT", TEXT));
    assert!(asked(&site, "bytes=3-4").await.is("HIT", "34"));
    assert_eq!(origin.calls(), 1);
    assert_eq!(origin.requests()[0].headers["range"], "bytes=2-3");
}

/// A streamed body is not cut, because its length is unknown. It is still stored.
#[tokio::test]
async fn a_body_that_is_still_to_come_is_sent_whole() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(Answer::ok("").steps([
        Step::data("01234"),
        Step::Hold(gate.clone()),
        Step::data("56789"),
    ]));
    let site = std::sync::Arc::new(site(&cache, hourly(), &origin).await);
    let other = std::sync::Arc::clone(&site);
    let first = tokio::spawn(async move { asked(&other, "bytes=2-3").await });
    soon("the pause", gate.arrived(1)).await;
    gate.open();
    let first = soon("the whole", first).await.unwrap();
    assert_eq!((first.status.as_u16(), first.text().as_str()), (200, TEXT));
    stored(&cache, 1).await;
    assert!(asked(&site, "bytes=2-3").await.is("HIT", "23"));
}

/// A handler that answers with parts runs for each of them, because there may be no complete
/// response to store.
#[tokio::test]
async fn a_handler_that_serves_parts_is_left_to_it() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| match request.headers.get("range") {
        None => text(),
        Some(range) => Answer::status(StatusCode::PARTIAL_CONTENT)
            .header("content-range", "bytes 0-1/10")
            .body(range.to_str().unwrap().to_owned()),
    });
    let site = site(&cache, hourly(), &origin).await;
    for range in ["bytes=0-1", "bytes=1-2", "bytes=0-1"] {
        let page = asked(&site, range).await;
        assert_eq!((page.status.as_u16(), page.summary()), (206, ("MISS".to_owned(), range.to_owned())));
        assert_eq!(
            page.cache_status(),
            "Larder; fwd=uri-miss; fwd-status=206; detail=\"never-stored, not stored: partial\""
        );
    }
    // None of them is the page, and none keeps requests for the page from waiting for each other.
    assert!(site.get("/a").await.is("MISS", TEXT));
    assert!(asked(&site, "bytes=1-2").await.is("HIT", "12"));
    assert_eq!(origin.calls(), 4);
}

/// A stale response is validated or filled completely, for all requests.
#[tokio::test]
async fn a_range_of_what_is_stale_refreshes_the_whole() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| match request.headers.contains_key("if-none-match") {
        true => Answer::status(StatusCode::NOT_MODIFIED).header("etag", "\"a\""),
        false => text(),
    });
    let site = site(&cache, hourly(), &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    let page = asked(&site, "bytes=1-2").await;
    assert_eq!((page.status.as_u16(), page.summary()), (206, ("MISS".to_owned(), "12".to_owned())));
    assert_eq!(page.cache_status(), "Larder; fwd=stale; fwd-status=304; stored; detail=expired");
    assert!(asked(&site, "bytes=2-3").await.is("HIT", "23"));
    assert!(site.get("/a").await.is("HIT", TEXT));
    assert!(!origin.requests()[1].headers.contains_key("range"));
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_part_is_served_stale_where_the_whole_would_be() {
    let (cache, clock) = cache();
    let origin = Origin::new(|_, nth| match nth {
        1 => text(),
        _ => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
    });
    let policy = hourly().stale_if_error(secs(7200));
    let site = site(&cache, policy, &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    let page = asked(&site, "bytes=1-2").await;
    assert_eq!((page.status.as_u16(), page.summary()), (206, ("STALE".to_owned(), "12".to_owned())));
    assert!(!origin.requests()[1].headers.contains_key("range"));
}

#[tokio::test]
async fn a_part_that_is_served_stale_refreshes_the_whole_behind_it() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, nth| {
        let asked_for = request.headers.get("range").map_or("all", |range| range.to_str().unwrap());
        Answer::ok(format!("{nth} {asked_for}"))
    });
    let policy = hourly().stale_while_revalidate(secs(60));
    let site = site(&cache, policy, &origin).await;
    site.get("/a").await;
    clock.advance(secs(3600));
    let page = asked(&site, "bytes=0-0").await;
    assert_eq!((page.status.as_u16(), page.summary()), (206, ("STALE".to_owned(), "1".to_owned())));
    stored(&cache, 2).await;
    assert!(site.get("/a").await.is("HIT", "2 all"));
}

/// Requests for the page and for a part of it, at the same time, each get their own response.
#[tokio::test]
async fn parts_and_the_whole_at_once_are_not_mixed_up() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| {
            let answer = match request.headers.get("range").map(|range| range.to_str().unwrap()) {
                None => text(),
                Some("bytes=0-1") => Answer::status(StatusCode::PARTIAL_CONTENT)
                    .header("content-range", "bytes 0-1/10")
                    .body("01"),
                Some(_) => Answer::status(StatusCode::PARTIAL_CONTENT)
                    .header("content-range", "bytes 8-9/10")
                    .body("89"),
            };
            answer.held_at(&gate)
        }
    });
    let site = std::sync::Arc::new(site(&cache, hourly(), &origin).await);
    let wholes = at_once(&site, "/a", 5);
    let part = |range: &'static str| {
        let site = std::sync::Arc::clone(&site);
        tokio::spawn(async move { asked(&site, range).await })
    };
    let parts = vec![part("bytes=0-1"), part("bytes=8-9"), part("bytes=0-1"), part("bytes=8-9")];
    soon("one fill and four parts", gate.arrived(5)).await;
    gate.open();
    assert!(all(wholes).await.iter().all(|page| page.status == 200 && page.text() == TEXT));
    for (nth, page) in all(parts).await.iter().enumerate() {
        assert_eq!(
            (page.status.as_u16(), page.text().as_str()),
            (206, if nth % 2 == 0 { "01" } else { "89" })
        );
    }
    assert!(site.get("/a").await.is("HIT", TEXT));
}

#[tokio::test]
async fn parts_of_what_was_invalidated_are_not_served() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, nth| Answer::ok(format!("version {nth}")));
    let site = site(&cache, hourly().tag("all"), &origin).await;
    site.get("/a").await;
    assert!(asked(&site, "bytes=-1").await.is("HIT", "1"));
    cache.invalidate(Tag::new("all")).await.require_applied().unwrap();
    let page = asked(&site, "bytes=-1").await;
    assert_eq!((page.summary(), page.status.as_u16()), (("MISS".to_owned(), "2".to_owned()), 206));
    assert!(asked(&site, "bytes=-1").await.is("HIT", "2"));
}

/// Each variant has its own parts.
#[tokio::test]
async fn a_part_is_one_of_the_variant_that_is_asked_for() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let language = request.headers.get("accept-language").map_or("none", |value| value.to_str().unwrap());
        Answer::ok(language.repeat(3)).header("vary", "accept-language")
    });
    let site = site(&cache, hourly(), &origin).await;
    for outcome in ["MISS", "HIT"] {
        for language in ["de", "en"] {
            let request = site.ask(Method::GET, "/a").with("accept-language", language);
            let page = request.with("range", "bytes=0-1").send().await;
            assert_eq!(
                (page.status.as_u16(), page.summary()),
                (206, (outcome.to_owned(), language.to_owned()))
            );
        }
    }
}
