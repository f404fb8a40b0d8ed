//! Variants, conditions, ranges, stale responses and validation.

use super::*;

#[tokio::test]
async fn vary_goes_on_as_ever() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        let language = request.headers.get("accept-language").map_or("-", |value| value.to_str().unwrap());
        Answer::ok(format!("{language} {call}"))
            .header("vary", "accept-language")
            .header("no-vary-search", UTM)
    });
    let site = site(&cache, enabled(), &origin).await;
    let ask = async |path: &str, language: &str| {
        site.ask(Method::GET, path).with("accept-language", language).send().await.summary()
    };
    let hit = |text: &str| ("HIT".to_owned(), text.to_owned());
    assert_eq!(ask("/a?utm=1", "de").await.0, "MISS");
    assert_eq!(ask("/a?utm=2", "en").await.0, "MISS");
    assert_eq!(ask("/a?utm=3", "de").await, hit("de 1"));
    assert_eq!(ask("/a", "en").await, hit("en 2"));
    assert_eq!(ask("/a?id=1", "en").await.0, "MISS");
    assert_eq!(ask("/a?utm=1", "fr").await.0, "MISS");
    assert_eq!(origin.calls(), 4);
}

#[tokio::test]
async fn heads_conditions_and_ranges_are_answered_from_it() {
    let (cache, _) = cache();
    let site = site(&cache, enabled(), &saying(UTM)).await;
    let made = site.get("/a?utm=1").await;
    let head = site.ask(Method::HEAD, "/a?utm=2").send().await;
    assert_eq!((head.x_cache().as_str(), head.field("content-length").as_str()), ("HIT", "8"));
    let unchanged = site.ask(Method::GET, "/a?utm=3").with("if-none-match", &made.field("etag")).send().await;
    assert_eq!((unchanged.status, unchanged.x_cache().as_str()), (StatusCode::NOT_MODIFIED, "HIT"));
    let part = site.ask(Method::GET, "/a?utm=4").with("range", "bytes=4-4").send().await;
    assert_eq!((part.status, part.summary()), (StatusCode::PARTIAL_CONTENT, ("HIT".into(), "1".into())));
}

#[tokio::test]
async fn a_stale_response_is_served_and_refreshed_for_all() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, call| match call {
        3 => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        _ => Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-")))
            .header("no-vary-search", UTM),
    });
    let policy = enabled().stale_while_revalidate(secs(30)).stale_if_error(secs(600));
    let site = site(&cache, policy, &origin).await;
    site.get("/a?utm=1").await;
    clock.advance(secs(3601));
    assert!(site.get("/a?utm=2").await.is("STALE", "utm=1 #1"));
    stored(&cache, 2).await;
    assert!(site.get("/a?utm=3").await.is("HIT", "utm=2 #2"));
    clock.advance(secs(3600 + 60));
    assert!(site.get("/a?utm=4").await.is("STALE", "utm=2 #2"), "the handler failed");
    // But not under a URI that was invalidated.
    let _ = cache.invalidate(UriName::new("/a?utm=5").unwrap()).await;
    assert!(site.get("/a?utm=5").await.is("MISS", "utm=5 #4"));
}

/// A date in whole seconds does not distinguish two versions: a 304 with it would give an old body
/// the position of a new one.
#[tokio::test]
async fn a_response_for_equivalents_is_validated_by_strong_tags_alone() {
    for (name, value, condition, expected) in [
        ("etag", "\"1\"", "if-none-match", 304),
        ("etag", "W/\"1\"", "if-none-match", 200),
        ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT", "if-modified-since", 200),
    ] {
        let (cache, clock) = cache();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let origin = Origin::new({
            let asked = Arc::clone(&asked);
            move |request, _| {
                let has_condition = request.headers.contains_key(condition);
                asked.lock().unwrap().push(has_condition);
                let answer = if has_condition {
                    Answer::status(StatusCode::NOT_MODIFIED)
                } else {
                    Answer::ok(request.uri.query().unwrap_or("-").to_owned())
                };
                answer.header(name, value).header("no-vary-search", UTM)
            }
        });
        // The same holds for entity tags of the cache's own, which are not sent to the handler.
        let site = site(&cache, enabled(), &origin).await;
        site.get("/a?utm=1").await;
        clock.advance(secs(3600));
        let page = site.get("/a?utm=2").await;
        let body = if expected == 304 { "utm=1" } else { "utm=2" };
        assert_eq!((page.status, page.text().as_str()), (StatusCode::OK, body), "{value}");
        assert_eq!(*asked.lock().unwrap(), [false, expected == 304], "{value}");
        assert!(site.get("/a?utm=3").await.is("HIT", body));
    }
}

/// The same holds for a response that was stored for one URI, and answers others by the field of
/// the 304.
#[tokio::test]
async fn a_response_that_was_not_confirmed_byte_for_byte_answers_no_more_than_it_did() {
    for (name, value, expected) in
        [("etag", "\"1\"", "HIT"), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT", "MISS")]
    {
        let (cache, clock) = cache();
        let origin = Origin::new(move |_, call| {
            let answer = match call {
                1 => Answer::ok("v1"),
                2 => Answer::status(StatusCode::NOT_MODIFIED).header("no-vary-search", UTM),
                _ => Answer::ok("v2"),
            };
            answer.header(name, value)
        });
        let site = site(&cache, enabled(), &origin).await;
        site.get("/a?utm=1").await;
        // No equivalent URIs are known yet, so this names one URI.
        let _ = cache.invalidate(UriName::new("/a?utm=2").unwrap()).await;
        clock.advance(secs(3600));
        assert!(site.get("/a?utm=1").await.is("MISS", "v1"), "{name}");
        assert_eq!(site.get("/a?utm=1").await.x_cache(), "HIT", "{name}");
        assert_eq!(site.get("/a?utm=2").await.x_cache(), expected, "{name}");
    }
}
