//! The target of a request: hosts and paths in several spellings.

use axum::Router;
use axum::extract::OriginalUri;
use http::Method;
use larder::{Prefix, UriName};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

use super::{get, raw, repeating};
use crate::support::{cache, hourly, site};

/// RFC 9112 §3.2.2. A handler sees the form of the target, and may repeat it.
#[tokio::test]
async fn an_absolute_target_plants_nothing() {
    let (cache, _) = cache();
    let origin = repeating(&["host"]);
    let site = site(&cache, hourly(), &origin).await;
    // Another host than in `Host`: the request bypasses the cache. Handlers differ in which of the
    // two they use.
    for target in ["http://evil.example/a", "http://shop.example:81/a", "http://shop.example@evil.example/a"]
    {
        for _ in 0..2 {
            let reply = raw(&site, &format!("GET {target} HTTP/1.1\r\nHost: shop.example")).await;
            assert_eq!((reply.x_cache(), reply.detail()), ("BYPASS", "authority"), "{target}");
        }
    }
    // The same host: a key of its own, because the handler sees another text.
    let whole = raw(&site, "GET http://shop.example/a HTTP/1.1\r\nHost: shop.example").await;
    assert_eq!(whole.summary(), ("MISS", "http://shop.example/a host=shop.example"));
    assert_eq!(get(&site, "/a").await.summary(), ("MISS", "/a host=shop.example"));
    let other = raw(&site, "GET https://shop.example/a HTTP/1.1\r\nHost: shop.example").await;
    assert_eq!(other.summary(), ("MISS", "https://shop.example/a host=shop.example"));
    assert_eq!(get(&site, "/a").await.summary(), ("HIT", "/a host=shop.example"));
    // An invalidation of the URI covers all of its forms.
    let _ = cache.invalidate(UriName::new("http://shop.example/a").unwrap()).await;
    for target in ["http://shop.example/a", "/a"] {
        let reply = raw(&site, &format!("GET {target} HTTP/1.1\r\nHost: shop.example")).await;
        assert_eq!(reply.x_cache(), "MISS", "{target}");
    }
}

/// All spellings share a key, so none of them may show in the stored response. A port that is
/// correct for `http` breaks every link of a site that a proxy serves as `https`.
#[tokio::test]
async fn a_host_in_another_spelling_is_asked_for_in_the_one_that_is_keyed() {
    for first in ["SHOP.example", "shop.example:80", "Shop.Example:80"] {
        let (cache, _) = cache();
        let site = site(&cache, hourly(), &repeating(&["host"])).await;
        let reply = raw(&site, &format!("GET /a HTTP/1.1\r\nHost: {first}")).await;
        assert_eq!(reply.summary(), ("MISS", "/a host=shop.example"), "{first}");
        assert_eq!(get(&site, "/a").await.summary(), ("HIT", "/a host=shop.example"), "{first}");
    }
    // The same holds below `nest`, where a handler finds its URI in two places.
    let (cache, _) = cache();
    let show =
        |OriginalUri(original): OriginalUri, uri: http::Uri| async move { format!("{original} {uri}") };
    let inner = Router::new().route("/a", axum::routing::get(show).layer(cache.layer(hourly())));
    let site = Site::of(Router::new().nest("/in", inner)).await;
    let reply = raw(&site, "GET http://SHOP.example:80/in/a HTTP/1.1\r\nHost: Shop.example").await;
    assert_eq!(reply.summary(), ("MISS", "http://shop.example/in/a http://shop.example/a"));
}

#[tokio::test]
async fn a_host_that_is_another_or_none_gets_nothing_of_others() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &repeating(&["host"])).await;
    assert_eq!(get(&site, "/a").await.summary(), ("MISS", "/a host=shop.example"));
    for host in [
        "shop.example.",
        "shop.example:8080",
        "user@shop.example",
        "xn--shop.example",
        "",
        "[::1]",
        "a|b",
        "{x}",
    ] {
        let expected = format!("/a host={host}");
        for x_cache in ["MISS", "HIT"] {
            let reply = raw(&site, &format!("GET /a HTTP/1.1\r\nHost: {host}")).await;
            assert_eq!(reply.summary(), (x_cache, expected.as_str()));
        }
    }
    // Delimiters cannot be in a host, and two lines are no host at all.
    for lines in [
        "Host: shop.example/b",
        "Host: shop.example?b",
        "Host: x#",
        "Host: shop.example\r\nHost: evil.example",
    ] {
        for _ in 0..2 {
            let reply = raw(&site, &format!("GET /a HTTP/1.1\r\n{lines}")).await;
            let refused = reply.status() == "400";
            assert!(
                refused || (reply.x_cache(), reply.detail()) == ("BYPASS", "authority"),
                "{lines}: {reply:?}"
            );
        }
    }
    assert_eq!(get(&site, "/a").await.summary(), ("HIT", "/a host=shop.example"));
}

/// A write whose `Host` contains a path names no URI of that path.
#[tokio::test]
async fn a_write_for_a_host_that_is_none_invalidates_nothing_else() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &repeating(&[])).await;
    assert_eq!(get(&site, "/a/b").await.x_cache(), "MISS");
    assert_eq!(get(&site, "/b").await.x_cache(), "MISS");
    raw(&site, "POST /b HTTP/1.1\r\nHost: shop.example/a\r\nContent-Length: 0").await;
    assert_eq!(get(&site, "/a/b").await.x_cache(), "HIT");
    assert_eq!(get(&site, "/b").await.x_cache(), "MISS", "for every host, as it is for none");
}

/// The key has the path exactly as the handler receives it: nothing is resolved, merged or decoded.
#[tokio::test]
async fn paths_that_others_might_make_one_are_different_keys() {
    const PATHS: [&str; 22] = [
        "/account",
        "/account/",
        "//account",
        "/./account",
        "/x/../account",
        "/account/.",
        "/account//",
        "/%61ccount",
        "/ACCOUNT",
        "/x/%2e%2e/account",
        "/x/%2E%2E/account",
        "/x%2f..%2faccount",
        "/account%00",
        "/account%00.css",
        "/account%0d%0aX-Cache:%20HIT",
        "/account%3Fa=1",
        "/account%23",
        "/account;a=1",
        "/account%20",
        "/account%c0%ae",
        "/account\\",
        "/account%5c",
    ];
    let (cache, _) = cache();
    let origin = repeating(&[]);
    let site = site(&cache, hourly().expose_cache_key(), &origin).await;
    for x_cache in ["MISS", "HIT"] {
        for path in PATHS {
            let reply = get(&site, path).await;
            assert_eq!(reply.summary(), (x_cache, path));
            let key = format!("u|http|shop.example|{path}");
            assert_eq!(reply.field("x-cache-key"), key, "one line, and the path as it was sent");
        }
    }
    // Names are different: a prefix names too much rather than too little.
    let _ = cache.invalidate(Prefix::new("/account").unwrap()).await;
    for path in ["/account", "/account/.", "/x/../account", "/x/%2e%2e/account", "/%61ccount"] {
        assert_eq!(get(&site, path).await.x_cache(), "MISS", "{path}");
    }
    for path in ["/ACCOUNT", "/x%2f..%2faccount", "//account", "/account%20", "/account;a=1"] {
        assert_eq!(get(&site, path).await.x_cache(), "HIT", "{path}");
    }
}

/// A page with a session is requested under the name of an image. The response and the route's
/// policy decide whether it is stored, not the end of the path.
#[tokio::test]
async fn a_path_that_looks_static_makes_no_page_public() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let user = request.headers.get("cookie").map_or("no user", |cookie| cookie.to_str().unwrap());
        let answer = Answer::ok(format!("account of {user}"));
        if request.uri.path().starts_with("/private") {
            answer.header("cache-control", "private")
        } else {
            answer
        }
    });
    let site = site(&cache, hourly(), &origin).await;
    for path in [
        "/account/me.css",
        "/account/%2e%2e/static/x.js",
        "/account;x.png",
        "/account%00.gif",
        "/private/x.js",
    ] {
        let ask = |cookie: &'static str| site.ask(Method::GET, path).with("cookie", cookie).send();
        assert_eq!(ask("session=alice").await.text(), "account of session=alice");
        assert_eq!(ask("session=mallory").await.text(), "account of session=mallory", "{path}");
        assert_eq!(get(&site, path).await.body, "account of no user", "{path}");
    }
}
