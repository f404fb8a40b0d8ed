//! Disguised cookies and `Authorization` fields.

use larder_testing::{Answer, Origin};

use super::{get, raw};
use crate::support::{cache, hourly, site};

/// Returns an origin that treats every request with credentials as a user's.
fn whose() -> Origin {
    Origin::new(|request, call| {
        let has = |name| request.headers.contains_key(name);
        let whose =
            if has("authorization") || has("cookie") { format!("user's {call}") } else { "public".into() };
        Answer::ok(whose)
    })
}

/// RFC 9111 §3.5: the field counts, not its value.
#[tokio::test]
async fn authorization_in_whatever_form_is_authorization() {
    for line in [
        "Authorization: Bearer x",
        "authorization: bearer x",
        "AUTHORIZATION: Basic eDp5",
        "Authorization:",
        "Authorization: ",
        "Authorization: \t",
        "Authorization: Bearer a\r\nAuthorization: Bearer b",
        "Authorization: \u{fe}",
        "aUTHORIZATION:x",
    ] {
        let (cache, _) = cache();
        let origin = whose();
        let site = site(&cache, hourly(), &origin).await;
        let lines = format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{line}");
        let reply = raw(&site, &lines).await;
        assert_eq!((reply.x_cache(), reply.body.as_str()), ("BYPASS", "user's 1"), "{line}");
        assert_eq!(get(&site, "/a").await.summary(), ("MISS", "public"), "{line}");
        // A public response is not for a request with credentials: the handler decides.
        assert_eq!(raw(&site, &lines).await.summary(), ("BYPASS", "user's 3"), "{line}");
    }
}

/// A field that only resembles credentials means nothing to the cache or to a handler.
/// `Proxy-Authorization` is for a proxy in front (RFC 9110 §11.7.2).
#[tokio::test]
async fn a_field_that_is_not_quite_authorization_is_no_key_to_anything() {
    for line in ["Proxy-Authorization: Basic eDp5", "X-Authorization: Bearer x", "Authorization2: x"] {
        let (cache, _) = cache();
        let site = site(&cache, hourly(), &whose()).await;
        let reply = raw(&site, &format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{line}")).await;
        assert_eq!(reply.summary(), ("MISS", "public"), "{line}");
        assert_eq!(get(&site, "/a").await.summary(), ("HIT", "public"), "{line}");
    }
    // A name with a space before its colon can deceive proxies (RFC 9112 §5.1). It is rejected
    // before the cache sees it.
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &whose()).await;
    let reply = raw(&site, "GET /a HTTP/1.1\r\nHost: shop.example\r\nAuthorization : x").await;
    assert_eq!(reply.status(), "400");
}

#[tokio::test]
async fn cookies_that_nobody_declared_store_nothing_whatever_their_form() {
    let many = (0..300).map(|n| format!("c{n}={}", "x".repeat(40))).collect::<Vec<_>>().join("; ");
    for line in [
        "Cookie: session=1",
        "cookie: =",
        "Cookie: ;;a",
        "Cookie: theme=dark; session=1",
        "Cookie: theme=dark\r\nCookie: session=1",
        "Cookie: Theme=dark",
        "Cookie: theme =dark; session",
        "Cookie: %74heme=dark",
        "Cookie: \u{fe}=1",
        &format!("Cookie: {many}"),
    ] {
        let (cache, _) = cache();
        let site = site(&cache, hourly().key_cookie("theme"), &whose()).await;
        let lines = format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{line}");
        let reply = raw(&site, &lines).await;
        assert_eq!(reply.summary(), ("BYPASS", "user's 1"), "{line}");
        assert_eq!(get(&site, "/a").await.summary(), ("MISS", "public"), "{line}");
        assert_eq!(raw(&site, &lines).await.summary(), ("BYPASS", "user's 3"), "{line}");
    }
}

/// Many handlers skip a line of cookies that is not text. They would produce the page without a
/// theme, and the cache would store it for every theme.
#[tokio::test]
async fn a_keyed_cookie_that_the_handler_cannot_read_plants_nothing() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let lines = request.headers.get_all("cookie").iter().filter_map(|line| line.to_str().ok());
        let theme = lines.flat_map(|line| line.split("; ")).find_map(|pair| pair.strip_prefix("theme="));
        Answer::ok(theme.unwrap_or("none").to_owned())
    });
    let site = site(&cache, hourly().key_cookie("theme").ignore_cookies(), &origin).await;
    let ask = async |cookie: &str| {
        raw(&site, &format!("GET /a HTTP/1.1\r\nHost: shop.example\r\nCookie: {cookie}")).await
    };
    assert_eq!(ask("theme=dark; x=\u{fe}").await.summary(), ("MISS", "none"));
    assert_eq!(ask("theme=dark").await.summary(), ("MISS", "dark"));
    assert_eq!(ask("theme=dark; x=1").await.summary(), ("HIT", "dark"));
    assert_eq!(ask("theme=dark; x=\u{fe}").await.summary(), ("HIT", "none"));
}

/// `Set-Cookie` is for one client, regardless of why the handler sends it.
#[tokio::test]
async fn a_response_that_sets_a_cookie_is_for_its_client_alone() {
    for control in ["public, max-age=60", "s-maxage=60", "max-age=60, immutable", ""] {
        let (cache, _) = cache();
        let origin = Origin::new(move |_, call| {
            let answer = Answer::ok(call.to_string()).header("set-cookie", format!("session={call}"));
            if control.is_empty() { answer } else { answer.header("cache-control", control) }
        });
        let site = site(&cache, hourly(), &origin).await;
        for call in ["1", "2", "3"] {
            let reply = get(&site, "/a").await;
            assert_eq!(reply.summary(), ("MISS", call), "{control}");
            assert_eq!(reply.field("set-cookie"), format!("session={call}"), "{control}");
        }
        assert_eq!(cache.stats().stored, 0);
    }
}
