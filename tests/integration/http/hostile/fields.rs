//! Header fields that are in no key, that contradict the request line, or that make handlers fail.

use http::{HeaderName, Method, StatusCode};
use larder::Policy;
use larder_testing::{Answer, Origin};

use super::{get, raw, repeating};
use crate::support::{cache, hourly, site};

/// Fields that inform handlers, frameworks and proxies of another host, scheme or client.
const UNKEYED: [&str; 8] = [
    "x-forwarded-host",
    "x-host",
    "x-forwarded-server",
    "forwarded",
    "x-forwarded-scheme",
    "x-forwarded-proto",
    "x-forwarded-port",
    "x-forwarded-for",
];

/// No cache can know that a handler reads a field that is not in the key or in `Vary`. Either of
/// the two separates its values. Without them the first response is stored, which this test shows
/// and SECURITY.md explains.
#[tokio::test]
async fn a_field_that_a_handler_echoes_is_in_the_key_or_in_vary() {
    for name in UNKEYED {
        let keyed = hourly().key_header(HeaderName::from_static(name));
        let varying = Origin::new(move |request, _| {
            let said = request.headers.get(name).map_or("-", |value| value.to_str().unwrap());
            Answer::ok(said.to_owned()).header("vary", name)
        });
        let plain = Origin::new(move |request, _| {
            Answer::ok(request.headers.get(name).map_or("-", |value| value.to_str().unwrap()).to_owned())
        });
        for (policy, origin, told_apart) in
            [(keyed, &plain, true), (hourly(), &varying, true), (hourly(), &plain, false)]
        {
            let (cache, _) = cache();
            let site = site(&cache, policy, origin).await;
            let evil = site.ask(Method::GET, "/a").with(name, "evil.example").send().await;
            assert!(evil.is("MISS", "evil.example"));
            let victim = site.get("/a").await;
            assert_eq!(victim.is("MISS", "-"), told_apart, "{name}: {victim:?}");
            // Two lines or another case do not circumvent this.
            let two = site.ask(Method::GET, "/a").with(name, "evil.example").with(name, "x").send().await;
            assert!(!told_apart || two.x_cache() == "MISS", "{name}");
        }
    }
}

/// A handler may trust the field. Its response then answers another request than the key describes.
#[tokio::test]
async fn a_field_that_contradicts_the_first_line_stores_nothing() {
    for (name, value) in [
        ("X-HTTP-Method-Override", "DELETE"),
        ("x-http-method", "POST"),
        ("X-METHOD-OVERRIDE", "HEAD"),
        ("X-Original-URL", "/admin"),
        ("X-Rewrite-URL", "/admin?a"),
    ] {
        let (cache, _) = cache();
        let origin = repeating(&["x-original-url"]);
        let site = site(&cache, hourly(), &origin).await;
        for _ in 0..2 {
            let reply =
                raw(&site, &format!("GET /a HTTP/1.1\r\nHost: shop.example\r\n{name}: {value}")).await;
            assert_eq!((reply.x_cache(), reply.detail()), ("BYPASS", "override"), "{name}");
        }
        assert_eq!(get(&site, "/a").await.summary(), ("MISS", "/a x-original-url="), "{name}");
        let named = hourly().key_header(HeaderName::from_bytes(name.as_bytes()).unwrap());
        let keyed = crate::support::site(&cache, named, &origin).await;
        let reply = raw(&keyed, &format!("GET /b HTTP/1.1\r\nHost: shop.example\r\n{name}: {value}")).await;
        assert_eq!(reply.x_cache(), "MISS", "{name} is keyed");
        assert_eq!(get(&keyed, "/b").await.summary(), ("MISS", "/b x-original-url="), "{name} is keyed");
    }
}

/// In the query, it is keyed like every parameter.
#[tokio::test]
async fn a_method_in_the_query_is_another_key() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &repeating(&[])).await;
    assert_eq!(get(&site, "/a?_method=DELETE").await.summary(), ("MISS", "/a?_method=DELETE"));
    assert_eq!(get(&site, "/a").await.summary(), ("MISS", "/a"));
}

/// Denial of service by a cache: a request that makes the handler fail affects only its sender.
#[tokio::test]
async fn a_request_that_breaks_the_handler_breaks_it_for_nobody_else() {
    const MOST: usize = 8 * 1024;
    let statuses = [
        StatusCode::BAD_REQUEST,
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::NOT_IMPLEMENTED,
        StatusCode::BAD_GATEWAY,
    ];
    let breaking = [
        ("x-oversized", "x".repeat(2 * MOST)),
        ("x-meta", "a\tb\u{fe}".to_owned()),
        ("x-amz-website-redirect-location", "/evil".to_owned()),
        ("accept-encoding", "x".repeat(MOST + 1)),
        ("max-forwards", "0".to_owned()),
        ("expect", "nothing".to_owned()),
        ("content-type", "invalid".to_owned()),
        ("x-wap-profile", "http://evil.example/".to_owned()),
    ];
    for status in statuses {
        let (cache, clock) = cache();
        let names = breaking.each_ref().map(|(name, _)| *name);
        let origin = Origin::new(move |request, _| {
            match names.iter().any(|name| request.headers.contains_key(*name)) {
                true => Answer::status(status).body("broken"),
                false => Answer::ok("page"),
            }
        });
        let site = site(&cache, hourly(), &origin).await;
        for (name, value) in &breaking {
            let lines = format!("GET /{name} HTTP/1.1\r\nHost: shop.example");
            let reply = raw(&site, &format!("{lines}\r\n{name}: {value}")).await;
            assert!(reply.status() == status.as_str() || reply.head.is_empty(), "{name}: {}", reply.head);
            assert_eq!(raw(&site, &lines).await.summary().1, "page", "{status} by {name}");
            // And the stored response is not lost.
            let again = raw(&site, &format!("{lines}\r\n{name}: {value}")).await;
            assert_eq!(again.summary(), ("HIT", "page"), "{name}");
        }
        assert_eq!(cache.stats().stored, breaking.len() as u64);
        clock.advance(crate::support::secs(1));
    }
}

/// RFC 9110 §7.6.1: fields that `Connection` lists are for the next hop. This removes nothing from
/// the key or from `Vary` in a request, and no restriction in a response.
#[tokio::test]
async fn fields_that_connection_lists_count_all_the_same() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let tenant = request.headers.get("x-tenant").map_or("-", |tenant| tenant.to_str().unwrap());
        let answer = Answer::ok(tenant.to_owned()).header("vary", "x-tenant");
        match request.uri.path() {
            "/set" => answer.header("set-cookie", "session=1").header("connection", "set-cookie"),
            "/private" => answer.header("cache-control", "private").header("connection", "cache-control"),
            "/vary" => answer.header("connection", "vary"),
            _ => answer,
        }
    });
    let site = site(&cache, hourly().key_header(HeaderName::from_static("x-keyed")), &origin).await;
    for (listed, tenant) in [("x-tenant", "a"), ("x-tenant", "b"), ("x-tenant, x-keyed, host, cookie", "c")] {
        let lines =
            format!("GET /a HTTP/1.1\r\nHost: shop.example\r\nX-Tenant: {tenant}\r\nConnection: {listed}");
        assert_eq!(raw(&site, &lines).await.summary(), ("MISS", tenant));
    }
    let bearer = "GET /a HTTP/1.1\r\nHost: shop.example\r\nAuthorization: x\r\nConnection: authorization";
    assert_eq!(raw(&site, bearer).await.x_cache(), "BYPASS");
    for path in ["/set", "/private"] {
        for tenant in ["a", "a"] {
            let lines = format!("GET {path} HTTP/1.1\r\nHost: shop.example\r\nX-Tenant: {tenant}");
            assert_eq!(raw(&site, &lines).await.x_cache(), "MISS", "{path}");
        }
    }
    for tenant in ["a", "b"] {
        let lines = format!("GET /vary HTTP/1.1\r\nHost: shop.example\r\nX-Tenant: {tenant}");
        assert_eq!(raw(&site, &lines).await.summary(), ("MISS", tenant));
    }
}

/// `Vary` may say in any way that no request can match, with or without other fields.
#[tokio::test]
async fn a_response_that_varies_on_everything_is_not_stored() {
    for vary in ["*", " * ", "accept, *", "*, accept", "accept,*,", "not a name", "accept/x"] {
        let (cache, _) = cache();
        let origin = Origin::new(move |_, call| Answer::ok(call.to_string()).header("vary", vary));
        let site = site(&cache, hourly(), &origin).await;
        for call in ["1", "2"] {
            assert_eq!(get(&site, "/a").await.summary(), ("MISS", call), "{vary}");
        }
        assert_eq!(cache.stats().not_stored.get("vary-star"), Some(&2), "{vary}");
    }
}

/// A client's own `Cache-Control`, and response fields in its request, do not affect other clients.
#[tokio::test]
async fn fields_of_responses_in_a_request_are_nothing() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("page {call}")));
    let site = site(&cache, Policy::ttl(larder::ttl::REALTIME), &origin).await;
    let sent = [
        ("cache-control", "max-age=31536000, public, s-maxage=1, no-store, no-cache"),
        ("pragma", "no-cache"),
        ("age", "99999"),
        ("expires", "Thu, 01 Jan 1970 00:00:00 GMT"),
        ("vary", "*"),
        ("etag", "\"evil\""),
        ("set-cookie", "session=evil"),
        ("x-cache", "HIT"),
        ("x-cache-key", "u|http|evil|/"),
        ("cache-status", "Larder; hit"),
        ("surrogate-control", "no-store"),
        ("surrogate-key", "evil"),
        ("content-range", "bytes 0-1/2"),
    ];
    let ask = || sent.iter().fold(site.ask(Method::GET, "/a"), |ask, (name, value)| ask.with(name, value));
    assert!(ask().send().await.is("MISS", "page 1"));
    let hit = site.get("/a").await;
    assert!(hit.is("HIT", "page 1"));
    assert_eq!(
        (hit.field("age"), hit.field("set-cookie"), hit.field("x-cache-key")),
        ("0".into(), String::new(), String::new())
    );
    assert!(ask().send().await.is("HIT", "page 1"));
}
