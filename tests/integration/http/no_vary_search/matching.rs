//! The requests that one response answers.

use super::*;

#[tokio::test]
async fn equivalent_queries_and_no_others_are_answered_by_one_response() {
    let cases: [(&str, &str, &[&str], &[&str]); 6] = [
        (
            UTM,
            "/a?id=1&utm=x",
            &["/a?id=1", "/a?utm=y&ref=z&id=1", "/a?%69d=%31&&", "/a?id=1"],
            &["/a?id=2", "/a", "/b?id=1"],
        ),
        ("key-order", "/a?b=1&a=2", &["/a?a=2&b=1"], &["/a?a=2&b=1&c", "/a?a=1&b=2"]),
        (r#"except=("id")"#, "/a?id=1&x=2", &["/a?y&id=1"], &["/a?ID=1", "/a?id=1&id=1"]),
        ("except=()", "/a?x", &["/a", "/a?y=1&z"], &["/A"]),
        (
            r#"params=("utm"), except=("id")"#,
            "/a?id=1&utm=x",
            &["/a?id=1&utm=x"],
            &["/a?id=1", "/a?utm=x&id=1"],
        ),
        // Valid in earlier drafts.
        ("params", "/a?x", &["/a?x"], &["/a", "/a?y"]),
    ];
    for (field, first, same, others) in cases {
        let (cache, _) = cache();
        let site = site(&cache, enabled(), &saying(field)).await;
        let made = site.get(first).await;
        assert_eq!(made.x_cache(), "MISS");
        for path in same {
            let page = site.get(path).await;
            assert_eq!(page.summary(), ("HIT".into(), made.text()), "{path} under {field}");
            assert_eq!(page.field("no-vary-search"), field);
        }
        for path in others {
            assert_eq!(site.get(path).await.x_cache(), "MISS", "{path} under {field}");
        }
    }
}

#[tokio::test]
async fn it_applies_if_the_policy_enables_it_and_the_key_is_the_uri() {
    let cases = [
        (hourly(), "MISS"),
        (enabled(), "HIT"),
        (Policy::rfc9111(), "MISS"),
        (Policy::rfc9111().no_vary_search(), "HIT"),
        (enabled().key_with(|parts| Some(parts.uri.to_string())), "MISS"),
    ];
    for (number, (policy, expected)) in cases.into_iter().enumerate() {
        let (cache, _) = cache();
        let origin = Origin::always(
            Answer::ok("page").header("no-vary-search", UTM).header("cache-control", "max-age=60"),
        );
        let site = site(&cache, policy, &origin).await;
        site.get("/a?utm=1").await;
        assert_eq!(site.get("/a?utm=2").await.x_cache(), expected, "{number}");
        assert_eq!(site.get("/a?utm=1").await.x_cache(), "HIT", "{number}");
    }
}

/// The other parts of the key separate requests, and the policy's own rules apply first.
#[tokio::test]
async fn it_goes_with_the_rest_of_the_key() {
    let (cache, _) = cache();
    let policy = enabled()
        .query_ignoring(["session"])
        .partition(|parts| parts.headers.get("tenant").map(|tenant| tenant.to_str().unwrap().to_owned()));
    let site = site(&cache, policy, &saying(UTM)).await;
    let ask =
        async |path: &str, tenant: &str| site.ask(Method::GET, path).with("tenant", tenant).send().await;
    let made = ask("/a?id=1&utm=1&session=x", "one").await;
    assert!(ask("/a?session=y&id=1&ref=3", "one").await.is("HIT", &made.text()));
    assert_eq!(ask("/a?id=1&utm=1&session=x", "two").await.x_cache(), "MISS");
    assert_eq!(
        site.get("/a?id=1&utm=1&session=x").await.cache_status(),
        "Larder; fwd=bypass; fwd-status=200; detail=no-key"
    );
}

/// For a handler that also splits at semicolons, `utm=1;id=2` is another page.
#[tokio::test]
async fn a_query_with_a_semicolon_answers_for_itself_alone() {
    let (cache, _) = cache();
    let site = site(&cache, enabled(), &saying(UTM)).await;
    let seen =
        summary(&site, &["/a?utm=1", "/a", "/a?utm=1;id=2", "/a?utm=2;id=2", "/a?utm=1;id=2", "/a"]).await;
    let outcomes: Vec<_> = seen.iter().map(|(outcome, _)| outcome.as_str()).collect();
    assert_eq!(outcomes, ["MISS", "HIT", "MISS", "MISS", "HIT", "HIT"]);
    assert_eq!(seen[5].1, "utm=1 #1");
}

/// Some pages of a path have the field, and some do not.
#[tokio::test]
async fn pages_that_say_nothing_are_found_beside_those_that_do() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, call| {
        let query = request.uri.query().unwrap_or("-").to_owned();
        let field = if query.contains("silent") { "" } else { UTM };
        Answer::ok(format!("{query} #{call}")).header("no-vary-search", field)
    });
    let site = site(&cache, enabled(), &origin).await;
    let paths = ["/p?silent&utm=1", "/p?utm=1", "/p?silent&utm=2", "/p?utm=2"];
    let outcomes =
        async || summary(&site, &paths).await.into_iter().map(|(outcome, _)| outcome).collect::<Vec<_>>();
    assert_eq!(outcomes().await, ["MISS", "MISS", "MISS", "HIT"]);
    for _ in 0..3 {
        assert_eq!(outcomes().await, ["HIT", "HIT", "HIT", "HIT"]);
    }
}

/// The newest response decides, and no request gets a response that does not answer it by its own
/// field.
#[tokio::test]
async fn the_field_of_responses_may_change() {
    let (cache, clock) = cache();
    let field: Arc<Mutex<&str>> = Arc::new(Mutex::new(r#"params=("a")"#));
    let origin = Origin::new({
        let field = Arc::clone(&field);
        move |request, call| {
            Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-")))
                .header("no-vary-search", *field.lock().unwrap())
        }
    });
    let site = site(&cache, enabled(), &origin).await;
    assert!(site.get("/p?a=1&b=1").await.is("MISS", "a=1&b=1 #1"));
    assert!(site.get("/p?a=2&b=1").await.is("HIT", "a=1&b=1 #1"));
    *field.lock().unwrap() = r#"params=("b")"#;
    assert!(site.get("/p?a=3&b=3").await.is("MISS", "a=3&b=3 #2"));
    // From now on the new field applies. Responses with the old one are no longer found, and
    // expire.
    assert!(site.get("/p?a=3&b=4").await.is("HIT", "a=3&b=3 #2"));
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "a=2&b=1 #3"));
    assert!(site.get("/p?a=2&b=9").await.is("HIT", "a=2&b=1 #3"));
    // Without the field, a response answers only its own URI, and the others are not forgotten.
    *field.lock().unwrap() = "";
    assert!(site.get("/p?a=5&b=1").await.is("MISS", "a=5&b=1 #4"));
    assert!(site.get("/p?a=5&b=2").await.is("MISS", "a=5&b=2 #5"));
    assert!(site.get("/p?a=5&b=1").await.is("HIT", "a=5&b=1 #4"));
    assert!(site.get("/p?a=2&b=7").await.is("HIT", "a=2&b=1 #3"));
    clock.advance(secs(3600 * 2));
    assert!(site.get("/p?a=2&b=7").await.is("MISS", "a=2&b=7 #6"));
    assert!(site.get("/p?a=2&b=1").await.is("MISS", "a=2&b=1 #7"));
}
