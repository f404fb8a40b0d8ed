//! Storing partial responses, serving from them, and combining them.

use std::sync::Arc;

use http::request::Parts;
use http::{Method, StatusCode};
use larder::{Cache, Tag, Tags};
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Page, Site, soon};

use crate::support::{cache, counted, hourly, secs, site, stored};

const TEXT: &str = "0123456789";

async fn asked(site: &Site, range: &str) -> Page {
    site.ask(Method::GET, "/a").with("range", range).send().await
}

/// Answers as a handler with range support: `bytes=first-last` of [`TEXT`], or all of it.
fn part(request: &Parts) -> Answer {
    let Some(range) = request.headers.get("range") else {
        return Answer::ok(TEXT);
    };
    let (first, last) = range.to_str().unwrap().strip_prefix("bytes=").unwrap().split_once('-').unwrap();
    let (first, last): (usize, usize) = (first.parse().unwrap(), last.parse().unwrap_or(9));
    Answer::status(StatusCode::PARTIAL_CONTENT)
        .header("content-range", format!("bytes {first}-{last}/10"))
        .body(&TEXT[first..=last])
}

/// Returns a site whose handler serves parts with this entity tag.
async fn serving(cache: &Cache, etag: &'static str) -> (Site, Origin) {
    let origin = Origin::new(move |request, nth| {
        part(request).header("etag", etag).header("content-type", "text/plain").header("x-nth", nth)
    });
    (site(cache, hourly().store_partial(), &origin).await, origin)
}

/// RFC 9111 §3.3: "A cache MUST NOT use an incomplete response to answer requests unless […] the
/// request is partial and specifies a range wholly within the incomplete response."
#[tokio::test]
async fn a_part_answers_for_what_lies_within_it_and_nothing_else() {
    let (cache, clock) = cache();
    let (site, origin) = serving(&cache, "\"a\"").await;
    let first = asked(&site, "bytes=3-8").await;
    assert_eq!((first.status.as_u16(), first.summary()), (206, ("MISS".to_owned(), "345678".to_owned())));
    assert_eq!(first.cache_status(), "Larder; fwd=uri-miss; fwd-status=206; stored; detail=never-stored");
    clock.advance(secs(7));
    for (range, text, content_range) in [
        ("bytes=3-8", "345678", "bytes 3-8/10"),
        ("bytes=4-5", "45", "bytes 4-5/10"),
        ("bytes=8-8", "8", "bytes 8-8/10"),
    ] {
        let page = asked(&site, range).await;
        assert_eq!(
            (page.status.as_u16(), page.summary()),
            (206, ("HIT".to_owned(), text.to_owned())),
            "{range}"
        );
        assert_eq!(page.field("content-range"), content_range);
        assert_eq!(page.field("content-length"), text.len().to_string());
        assert_eq!(page.cache_status(), "Larder; hit; ttl=3593; detail=memory");
        assert_eq!((page.field("age").as_str(), page.field("content-type").as_str()), ("7", "text/plain"));
    }
    assert_eq!(origin.calls(), 1);
    // The client's own range is forwarded if it lies outside.
    let beyond = asked(&site, "bytes=0-1").await;
    assert_eq!(beyond.summary(), ("MISS".to_owned(), "01".to_owned()));
    assert!(
        beyond.cache_status().starts_with("Larder; fwd=partial; fwd-status=206; stored"),
        "{}",
        beyond.cache_status()
    );
    assert_eq!(origin.calls(), 2);
}

#[tokio::test]
async fn a_request_for_the_whole_never_gets_a_part() {
    let (cache, _) = cache();
    let (site, origin) = serving(&cache, "\"a\"").await;
    asked(&site, "bytes=0-8").await;
    let head = site.ask(Method::HEAD, "/a").with("range", "bytes=0-1").send().await;
    assert_eq!((head.status.as_u16(), head.x_cache().as_str()), (200, "MISS"));
    let changed =
        site.ask(Method::GET, "/a").with("range", "bytes=0-1").with("if-range", "\"b\"").send().await;
    assert_eq!(changed.x_cache(), "MISS", "it wants the whole of what has changed");
    let page = site.get("/a").await;
    assert_eq!((page.status.as_u16(), page.summary()), (200, ("MISS".to_owned(), TEXT.to_owned())));
    assert_eq!(page.cache_status(), "Larder; fwd=partial; fwd-status=200; stored; detail=partial");
    assert_eq!(origin.calls(), 4);
    assert!(!origin.requests()[3].headers.contains_key("range"));
    // Now the complete response is stored, and no part replaces it.
    assert!(site.get("/a").await.is("HIT", TEXT));
    assert!(asked(&site, "bytes=9-").await.is("HIT", "9"));
    assert_eq!(origin.calls(), 4);
}

/// RFC 9110 §13.2.2: conditions come first, also where the part could answer.
#[tokio::test]
async fn conditions_are_evaluated_on_a_part_that_answers() {
    let (cache, _) = cache();
    let (site, _) = serving(&cache, "\"a\"").await;
    asked(&site, "bytes=0-5").await;
    let condition = |tag| site.ask(Method::GET, "/a").with("range", "bytes=1-2").with("if-none-match", tag);
    assert_eq!(condition("\"a\"").send().await.status, StatusCode::NOT_MODIFIED);
    let other = condition("\"b\"").send().await;
    assert_eq!((other.status.as_u16(), other.summary()), (206, ("HIT".to_owned(), "12".to_owned())));
    let same = site.ask(Method::GET, "/a").with("range", "bytes=1-2").with("if-range", "\"a\"").send().await;
    assert_eq!((same.status.as_u16(), same.summary()), (206, ("HIT".to_owned(), "12".to_owned())));
}

/// RFC 9111 §3.4; RFC 9110 §15.3.7.3: "If the union consists of the entire range of the
/// representation", it is a complete response.
#[tokio::test]
async fn parts_that_touch_become_one_and_at_last_the_whole() {
    let (cache, _) = cache();
    let (site, origin) = serving(&cache, "\"a\"").await;
    for (range, text) in [("bytes=2-3", "23"), ("bytes=4-7", "4567"), ("bytes=0-2", "012")] {
        assert!(asked(&site, range).await.is("MISS", text), "{range}");
    }
    assert!(asked(&site, "bytes=0-7").await.is("HIT", "01234567"));
    assert!(asked(&site, "bytes=1-4,6-6").await.is("HIT", "123456"));
    assert!(asked(&site, "bytes=8-").await.is("MISS", "89"));
    let whole = site.get("/a").await;
    assert_eq!((whole.status.as_u16(), whole.summary()), (200, ("HIT".to_owned(), TEXT.to_owned())));
    assert_eq!((whole.field("content-length").as_str(), whole.field("content-range").as_str()), ("10", ""));
    assert_eq!(whole.field("x-nth"), "4", "§3.4: the fields of the newest replace the others");
    assert!(asked(&site, "bytes=-3").await.is("HIT", "789"));
    assert_eq!(site.ask(Method::HEAD, "/a").send().await.field("content-length"), "10");
    assert_eq!(origin.calls(), 4);
}

/// RFC 9111 §3.4: "if they all share the same strong validator".
#[tokio::test]
async fn parts_of_what_may_be_two_representations_stay_apart() {
    for etags in [["\"a\"", "\"b\""], ["W/\"a\"", "W/\"a\""], ["", ""], ["\"a\"", ""]] {
        let (cache, _) = cache();
        let origin = Origin::new(move |request, nth| match etags[nth.min(2) - 1] {
            "" => part(request),
            etag => part(request).header("etag", etag),
        });
        let site = site(&cache, hourly().store_partial(), &origin).await;
        asked(&site, "bytes=0-4").await;
        asked(&site, "bytes=5-9").await;
        assert!(asked(&site, "bytes=5-6").await.is("HIT", "56"), "{etags:?}: the newer one is kept");
        assert!(asked(&site, "bytes=4-5").await.is("MISS", "45"), "{etags:?}");
        assert_eq!(site.get("/a").await.x_cache(), "MISS", "{etags:?}");
    }
}

/// A part with a wrong length could be any part.
#[tokio::test]
async fn a_part_that_is_not_as_long_as_it_says_is_not_stored() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| match request.uri.path() {
        "/short" => {
            Answer::status(StatusCode::PARTIAL_CONTENT).header("content-range", "bytes 4-9/10").body("01234")
        }
        "/unasked" => {
            Answer::status(StatusCode::PARTIAL_CONTENT).header("content-range", "bytes 0-4/10").body("01234")
        }
        "/parts" => Answer::status(StatusCode::PARTIAL_CONTENT)
            .header("content-type", "multipart/byteranges; boundary=a")
            .body("--a--"),
        _ => Answer::status(StatusCode::PARTIAL_CONTENT)
            .header("content-range", "bytes 0-9/10")
            .steps([Step::data("01"), Step::data("23")]),
    });
    let site = site(&cache, hourly().store_partial(), &origin).await;
    for (path, reason) in [("/short", "incomplete"), ("/broken-off", "incomplete"), ("/parts", "partial")] {
        for _ in 0..2 {
            let page = site.ask(Method::GET, path).with("range", "bytes=-5").send().await;
            assert_eq!((page.status.as_u16(), page.x_cache().as_str()), (206, "MISS"), "{path}");
        }
        counted(&cache, |stats| stats.not_stored.contains_key(reason)).await;
    }
    // The same holds for a part that was not requested.
    for _ in 0..2 {
        assert_eq!(site.get("/unasked").await.x_cache(), "MISS");
    }
    assert_eq!(cache.stats().stored, 0);
}

/// A body that is shorter than announced cannot answer other requests, even if it ended cleanly.
#[tokio::test]
async fn a_whole_that_ended_early_is_not_stored() {
    let (cache, _) = cache();
    let gate = Gate::new();
    gate.open();
    let origin = Origin::new(move |request, _| {
        let answer = Answer::ok("").header("content-length", "10");
        match request.uri.path() {
            "/at-once" => answer.body("01234"),
            _ => answer.steps([Step::data("01234"), Step::Hold(gate.clone())]),
        }
    });
    let site = site(&cache, hourly(), &origin).await;
    for path in ["/at-once", "/later"] {
        for _ in 0..2 {
            let head = site.ask(Method::GET, path).head().await;
            drop(head);
        }
    }
    counted(&cache, |stats| stats.not_stored.get("incomplete") == Some(&4)).await;
    assert_eq!(cache.stats().stored, 0);
}

/// A part that arrives in pieces is stored at its end.
#[tokio::test]
async fn a_part_is_streamed_while_it_is_stored() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::always(
        Answer::status(StatusCode::PARTIAL_CONTENT).header("content-range", "bytes 0-4/10").steps([
            Step::data("01"),
            Step::Hold(gate.clone()),
            Step::data("234"),
        ]),
    );
    let site = Arc::new(site(&cache, hourly().store_partial(), &origin).await);
    let other = Arc::clone(&site);
    let first = tokio::spawn(async move { asked(&other, "bytes=0-4").await });
    soon("the pause", gate.arrived(1)).await;
    gate.open();
    let first = soon("the part", first).await.unwrap();
    assert_eq!((first.status.as_u16(), first.text().as_str()), (206, "01234"));
    stored(&cache, 1).await;
    assert!(asked(&site, "bytes=1-2").await.is("HIT", "12"));
}

#[tokio::test]
async fn parts_are_fresh_for_as_long_as_they_say_and_are_not_served_stale() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, nth| match nth {
        1 => part(request).header("etag", "\"a\"").header("cache-control", "max-age=10"),
        _ => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
    });
    let policy = hourly().store_partial().stale_if_error(secs(60)).stale_while_revalidate(secs(60));
    let site = site(&cache, policy, &origin).await;
    asked(&site, "bytes=0-4").await;
    clock.advance(secs(9));
    assert!(asked(&site, "bytes=0-1").await.is("HIT", "01"));
    clock.advance(secs(1));
    let late = asked(&site, "bytes=0-1").await;
    assert_eq!((late.status.as_u16(), late.x_cache().as_str()), (503, "MISS"));
    assert!(late.cache_status().contains("fwd=stale"), "{}", late.cache_status());
}

/// Without `store_partial`, parts are not stored: see also
/// `ranges::a_handler_that_serves_parts_is_left_to_it`.
#[tokio::test]
async fn a_part_is_invalidated_like_any_response() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, nth| part(request).header("etag", format!("\"{nth}\"")));
    let site = site(&cache, hourly().store_partial().tag("all"), &origin).await;
    asked(&site, "bytes=0-4").await;
    assert!(asked(&site, "bytes=0-1").await.is("HIT", "01"));
    cache.invalidate(Tag::new("all")).await.require_applied().unwrap();
    assert!(asked(&site, "bytes=0-1").await.is("MISS", "01"));
    assert_eq!(origin.calls(), 2);
}

/// A combination of two parts is invalidated by the names of either. An invalidation between the
/// two fills keeps them apart, although the validator is the same.
#[tokio::test]
async fn a_part_from_before_an_invalidation_is_no_base_for_the_second() {
    for named_by_first in [true, false] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |request, nth| match nth {
                1 => part(request).header("etag", "\"a\""),
                2 => part(request).header("etag", "\"a\"").held_at(&gate),
                _ => part(request).header("etag", "\"b\""),
            }
        });
        let site = Arc::new(site(&cache, hourly().store_partial().tag("all"), &origin).await);
        asked(&site, "bytes=0-4").await;
        let other = Arc::clone(&site);
        let second = tokio::spawn(async move { asked(&other, "bytes=5-9").await });
        soon("the second fill", gate.arrived(1)).await;
        let named = if named_by_first { Tag::new("all") } else { Tag::new("other") };
        cache.invalidate(named).await.require_applied().unwrap();
        gate.open();
        assert!(soon("the second part", second).await.unwrap().is("MISS", "56789"));
        let whole = site.get("/a").await;
        assert_eq!(whole.x_cache(), if named_by_first { "MISS" } else { "HIT" });
    }
}

#[tokio::test]
async fn a_response_made_of_two_parts_has_the_tags_of_both() {
    for tag in ["first", "second"] {
        let (cache, _) = cache();
        let router = axum::Router::new().route(
            "/a",
            axum::routing::get(async |request: axum::extract::Request| {
                let range = request.headers().get("range").unwrap().to_str().unwrap();
                let (tag, place, text) = match range {
                    "bytes=0-4" => ("first", "bytes 0-4/10", "01234"),
                    _ => ("second", "bytes 5-9/10", "56789"),
                };
                let fields = [("content-range", place), ("etag", "\"a\"")];
                (StatusCode::PARTIAL_CONTENT, Tags::from([tag]), fields, text)
            })
            .layer(cache.layer(hourly().store_partial())),
        );
        let site = Site::of(router).await;
        asked(&site, "bytes=0-4").await;
        asked(&site, "bytes=5-9").await;
        assert!(site.get("/a").await.is("HIT", TEXT));
        cache.invalidate(Tag::new(tag)).await.require_applied().unwrap();
        assert_eq!(asked(&site, "bytes=0-9").await.x_cache(), "MISS", "{tag}");
    }
}

/// A late part does not replace a complete response.
#[tokio::test]
async fn a_part_does_not_replace_a_whole_that_was_stored_meanwhile() {
    let (cache, _) = cache();
    let gate = Gate::new();
    let origin = Origin::new({
        let gate = gate.clone();
        move |request, _| match request.headers.contains_key("range") {
            true => part(request).header("etag", "\"a\"").held_at(&gate),
            false => part(request).header("etag", "\"a\""),
        }
    });
    let site = Arc::new(site(&cache, hourly().store_partial(), &origin).await);
    let other = Arc::clone(&site);
    let late = tokio::spawn(async move { asked(&other, "bytes=0-4").await });
    soon("the part", gate.arrived(1)).await;
    assert!(site.get("/a").await.is("MISS", TEXT));
    gate.open();
    assert!(soon("the part", late).await.unwrap().is("MISS", "01234"));
    assert!(site.get("/a").await.is("HIT", TEXT));
    assert_eq!(origin.calls(), 2);
}

/// RFC 9111 §3.4 requires the same strong validator, and the newer part confirms that it is still
/// current.
#[tokio::test]
async fn a_stale_part_is_a_base_for_a_new_one() {
    let (cache, clock) = cache();
    let origin =
        Origin::new(|request, _| part(request).header("etag", "\"a\"").header("cache-control", "max-age=10"));
    let site = site(&cache, hourly().store_partial(), &origin).await;
    asked(&site, "bytes=0-4").await;
    clock.advance(secs(11));
    assert!(asked(&site, "bytes=5-9").await.is("MISS", "56789"));
    clock.advance(secs(9));
    let whole = site.get("/a").await;
    assert!(whole.is("HIT", TEXT));
    assert_eq!((whole.field("age").as_str(), origin.calls()), ("9", 2));
    clock.advance(secs(1));
    assert_eq!(site.get("/a").await.x_cache(), "MISS");
}

/// A representation that is too large for one response stays in parts.
#[tokio::test]
async fn parts_do_not_grow_beyond_what_may_be_stored() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| part(request).header("etag", "\"a\""));
    let site = site(&cache, hourly().store_partial().max_body(6), &origin).await;
    asked(&site, "bytes=0-3").await;
    asked(&site, "bytes=4-7").await;
    assert!(asked(&site, "bytes=4-5").await.is("HIT", "45"));
    assert!(asked(&site, "bytes=0-1").await.is("MISS", "01"));
    asked(&site, "bytes=0-7").await;
    assert!(asked(&site, "bytes=0-1").await.is("HIT", "01"), "a larger one is not stored at all");
}
