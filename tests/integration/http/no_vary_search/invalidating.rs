//! The first promise, under each of several URIs.

use super::*;

/// An invalidation also covers responses that were stored with an older `No-Vary-Search`. Their
/// equivalent URIs are no longer known when the URI is named.
#[tokio::test]
async fn an_invalidated_uri_shows_nothing_older_that_is_found_again() {
    let (cache, _) = cache();
    let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(r#"params=("a")"#));
    let origin = Origin::new({
        let field = Arc::clone(&field);
        move |_, call| Answer::ok(format!("v{call}")).header("no-vary-search", *field.lock().unwrap())
    });
    let site = site(&cache, enabled(), &origin).await;
    site.get("/p?a=1&b=1").await;
    *field.lock().unwrap() = r#"params=("b")"#;
    site.get("/p?a=9&b=9").await;
    let _ = cache.invalidate(UriName::new("/p?a=2&b=1").unwrap()).await;
    *field.lock().unwrap() = r#"params=("a")"#;
    site.get("/p?a=8&b=8").await;
    assert!(site.get("/p?a=3&b=1").await.is("HIT", "v1"), "it is found again");
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "v4"));
    assert!(site.get("/p?a=3&b=1").await.is("HIT", "v4"));
}

/// The first promise: after an invalidation of a URI, that URI never shows an older response, even
/// one that was made for an equivalent URI.
#[tokio::test]
async fn an_invalidated_uri_shows_nothing_older() {
    for (made_for, invalidated, asked) in [
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=2&id=1"),
        ("/p?utm=1&id=1", "/p?id=1", "/p?id=1"),
        ("/p?utm=1&id=1", "http://shop.example/p?utm=2&id=1", "/p?utm=2&id=1"),
        // The equivalent URIs are known here, so they are invalidated too.
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=1&id=1"),
        ("/p?utm=1&id=1", "/p?utm=2&id=1", "/p?utm=3&id=1"),
        ("/p?utm=1&id=1", "http://shop.example/p?utm=2&id=1", "/p?utm=3&id=1"),
        ("/p?utm=1", "/p", "/p?utm=3"),
        ("/p", "/p?utm=2", "/p"),
    ] {
        for soft in [false, true] {
            let (cache, _) = cache();
            let site = site(&cache, enabled(), &saying(UTM)).await;
            let ask =
                async |path: &str| site.ask(Method::GET, path).with("host", "shop.example").send().await;
            assert_eq!(ask(made_for).await.x_cache(), "MISS");
            assert_eq!(ask("/p?utm=5&id=7").await.x_cache(), "MISS");
            let what = Invalidation::from(UriName::new(invalidated).unwrap());
            let what = if soft { what.soft() } else { what };
            assert_eq!(cache.invalidate(what).await, InvalidationOutcome::Applied);
            assert_eq!(ask(asked).await.x_cache(), "MISS", "{asked} after {invalidated}");
            assert_eq!(ask("/p?id=7").await.x_cache(), "HIT", "it is another page");
            assert_eq!(ask(asked).await.x_cache(), "HIT", "it is over");
        }
    }
}

#[tokio::test]
async fn a_write_to_a_uri_counts_for_its_equivalents() {
    let (cache, _) = cache();
    let site = site(&cache, enabled(), &saying(UTM)).await;
    site.get("/p?utm=1&id=1").await;
    for (method, expected) in [(Method::PUT, "MISS"), (Method::OPTIONS, "HIT")] {
        assert_eq!(site.get("/p?utm=2&id=1").await.x_cache(), "HIT");
        site.ask(method, "/p?utm=2&id=1").send().await;
        assert_eq!(site.get("/p?utm=2&id=1").await.x_cache(), expected);
    }
    site.ask(Method::DELETE, "/p?utm=2&id=1").send().await;
    assert_eq!(site.get("/p?utm=1&id=1").await.x_cache(), "MISS");
}

/// The same holds for a fill that began before.
#[tokio::test]
async fn a_request_after_an_invalidation_of_its_uri_does_not_join_what_began_before() {
    let (cache, _) = cache();
    let (old, gate) = (Arc::new(Mutex::new("old")), Gate::new());
    let origin = Origin::new({
        let (truth, gate) = (Arc::clone(&old), gate.clone());
        move |_, call| {
            let answer = Answer::ok(*truth.lock().unwrap()).header("no-vary-search", UTM);
            if call == 2 { answer.held_at(&gate) } else { answer }
        }
    });
    let site = Arc::new(site(&cache, enabled(), &origin).await);
    site.get("/p?id=0").await;
    let slow = at_once(&site, "/p?utm=1&id=1", 1);
    soon("the handler has read", gate.arrived(1)).await;
    *old.lock().unwrap() = "new";
    let uri = |path: &str| UriName::new(path).unwrap();
    assert_eq!(cache.invalidate(uri("/p?utm=2&id=1")).await, InvalidationOutcome::Applied);
    assert!(site.get("/p?utm=2&id=1").await.is("MISS", "new"));
    gate.open();
    assert_eq!(all(slow).await[0].text(), "old", "it asked before");
    // And the late response replaces no other.
    for path in ["/p?utm=2&id=1", "/p?utm=1&id=1", "/p?utm=3&id=1"] {
        assert!(site.get(path).await.is("HIT", "new"), "{path}");
    }
}
