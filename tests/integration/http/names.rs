//! The name of a URI has no scheme, no default port and one spelling, so that it matches responses
//! that were requested in another form.

use axum::Router;
use axum::body::Body;
use http::{Method, Request, Version};
use larder::{Cache, Glob, Invalidation, InvalidationOutcome, Prefix, UriName};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;
use tower::{Layer as _, ServiceExt as _};

use crate::support::{cache, hourly, site};

/// Sends a request line and a host unchanged. Returns `X-Cache`.
async fn sent(site: &Site, method: &str, target: &str, host: &str) -> String {
    let request = format!(
        "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let read = site.raw(&request).await.to_end().await;
    let x_cache = read.lines().find_map(|line| line.strip_prefix("x-cache: "));
    assert!(x_cache.is_some(), "{method} {target}: {read}");
    x_cache.unwrap().to_owned()
}

async fn get(site: &Site, target: &str) -> String {
    sent(site, "GET", target, "shop.example").await
}

fn uri(text: &str) -> Invalidation {
    UriName::new(text).unwrap().into()
}

/// Whether an invalidation names the response to this target, sent over HTTP/1.1.
async fn is_named(what: Invalidation, target: &str) -> bool {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
    assert_eq!(get(&site, target).await, "MISS", "{target}");
    assert_eq!(get(&site, target).await, "HIT", "{target}");
    assert_eq!(cache.invalidate(what).await, InvalidationOutcome::Applied);
    get(&site, target).await == "MISS"
}

#[tokio::test]
async fn a_name_finds_its_uri_whatever_the_scheme_and_the_default_port_are() {
    for (name, expected) in [
        ("https://shop.example/p/1", true),
        ("http://shop.example/p/1", true),
        ("https://shop.example:443/p/1", true),
        ("http://SHOP.example:80/p/1", true),
        ("HTTPS://shop.example:80/p/1#top", true),
        ("//shop.example/p/1", true),
        ("/p/1", true),
        ("https://other.example/p/1", false),
        ("https://shop.example:8443/p/1", false),
        ("https://shop.example/p/2", false),
    ] {
        assert_eq!(is_named(uri(name), "/p/1").await, expected, "{name}");
    }
}

/// A server behind a TLS proxy receives no scheme over HTTP/1.1, and one over HTTP/2.
#[tokio::test]
async fn a_write_finds_what_was_stored_over_another_version_of_http() {
    let over_h2 = async |cache: &Cache, method: Method| {
        let service = cache.layer(hourly()).layer(Origin::always(Answer::ok("page")));
        let request = Request::builder().method(method).uri("https://shop.example/p/1");
        let request = request.version(Version::HTTP_2).body(Body::empty()).unwrap();
        let response = service.oneshot(request).await.unwrap();
        response.headers()["x-cache"].to_str().unwrap().to_owned()
    };
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
    for x_cache in ["MISS", "HIT"] {
        assert_eq!(over_h2(&cache, Method::GET).await, x_cache, "each form has a key of its own");
        assert_eq!(get(&site, "/p/1").await, x_cache);
    }
    sent(&site, "PUT", "/p/1", "shop.example").await;
    assert_eq!(over_h2(&cache, Method::GET).await, "MISS");
    assert_eq!(get(&site, "/p/1").await, "MISS");
    over_h2(&cache, Method::PUT).await;
    assert_eq!(get(&site, "/p/1").await, "MISS");
    assert_eq!(over_h2(&cache, Method::GET).await, "MISS");
}

/// RFC 9875 §3, with the two responses over different versions of HTTP.
#[tokio::test]
async fn a_group_is_one_of_its_host_whatever_the_scheme_is() {
    for (written_on, expected) in
        [("shop.example", "MISS"), ("shop.example:443", "MISS"), ("other.example", "HIT")]
    {
        let (cache, _) = cache();
        let origin = Origin::new(|request, _| match request.method {
            Method::GET => Answer::ok("page").header("cache-groups", "\"prices\""),
            _ => Answer::ok("written").header("cache-group-invalidation", "\"prices\""),
        });
        let policy = || hourly().cache_groups();
        let over_h2 = async || {
            let request = Request::builder().uri("https://shop.example/p/1").version(Version::HTTP_2);
            let service = cache.layer(policy()).layer(origin.clone());
            let response = service.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
            response.headers()["x-cache"].to_str().unwrap().to_owned()
        };
        let site = site(&cache, policy(), &origin).await;
        assert_eq!([over_h2().await, over_h2().await], ["MISS", "HIT"]);
        sent(&site, "POST", "/prices", written_on).await;
        assert_eq!(over_h2().await, expected, "{written_on}");
    }
}

#[tokio::test]
async fn a_write_to_a_host_with_a_default_port_is_one_to_the_host() {
    for (stored, written, expected) in [
        ("shop.example", "shop.example:443", "MISS"),
        ("shop.example:443", "shop.example", "MISS"),
        ("shop.example:80", "Shop.example:443", "MISS"),
        ("shop.example", "shop.example:8443", "HIT"),
        ("shop.example", "other.example", "HIT"),
        // This is no host of a URI, and still equal for both.
        ("a|b{}", "A|b{}", "MISS"),
        ("a|b{}", "a|b", "HIT"),
        ("me@shop.example", "me@shop.example:443", "MISS"),
        ("shop.example", "me@shop.example", "HIT"),
    ] {
        let (cache, _) = cache();
        let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
        assert_eq!(sent(&site, "GET", "/p/1", stored).await, "MISS");
        sent(&site, "PUT", "/p/1", written).await;
        assert_eq!(sent(&site, "GET", "/p/1", stored).await, expected, "{stored} {written}");
    }
}

/// Two spellings of one path, and whether the second one can be sent unchanged.
const SPELLINGS: [(&str, &str, bool); 8] = [
    ("/caf%C3%A9", "/caf%c3%a9", true),
    ("/caf%c3%a9", "/caf%C3%A9", true),
    ("/%7Ea", "/~a", true),
    ("/~a", "/%7ea", true),
    ("/caf%c3%a9", "/café", true),
    ("/a%20b", "/a b", false),
    ("/a%7Cb", "/a|b", true),
    ("/a/b", "/a/./%2e/c/../b", true),
];

#[tokio::test]
async fn every_kind_of_name_finds_every_spelling() {
    for (sent_as, named_as, _) in SPELLINGS {
        let names: [(&str, Invalidation); 5] = [
            ("a path", uri(named_as)),
            ("a URI", uri(&format!("https://shop.example{named_as}"))),
            ("a prefix", Prefix::new(named_as).unwrap().into()),
            ("a glob", Glob::new(named_as).unwrap().into()),
            ("a glob with a star", Glob::new(&format!("{named_as}*")).unwrap().into()),
        ];
        for (kind, name) in names {
            assert!(is_named(name, sent_as).await, "{kind}: {named_as} for {sent_as}");
        }
    }
    assert!(is_named(uri("/p?b=é&a=%7E"), "/p?b=%c3%A9&a=~").await);
}

#[tokio::test]
async fn a_uri_that_means_something_else_is_another_name() {
    for (sent_as, named_as) in [
        ("/a%2Fb", "/a/b"),
        ("/a%3Fb", "/a?b"),
        ("/a+b", "/a b"),
        ("/a?b+c", "/a?b%20c"),
        ("/a?b&c", "/a?c&b"),
        ("/%257Ea", "/%7Ea"),
        ("/A", "/a"),
        ("//shop.example/a", "/a"),
        ("//shop.example/a", "https://shop.example/a"),
        ("/a", "/.//shop.example/a"),
    ] {
        assert!(!is_named(uri(named_as), sent_as).await, "{named_as} for {sent_as}");
    }
    assert!(is_named(uri("/.//shop.example/a"), "//shop.example/a").await);
    assert!(is_named(uri("https://shop.example//shop.example/a"), "//shop.example/a").await);
}

/// A path with dot segments is named as it was sent, for handlers that match it so, and as it
/// resolves.
#[tokio::test]
async fn a_path_with_dots_is_below_both_of_its_prefixes() {
    for (what, expected) in [
        (Invalidation::from(Prefix::new("/x").unwrap()), true),
        (Prefix::new("/account").unwrap().into(), true),
        (Glob::new("/x/*").unwrap().into(), true),
        (Glob::new("/acc*").unwrap().into(), true),
        (uri("/account"), true),
        (uri("/x/../account"), true),
        (Prefix::new("/x/account").unwrap().into(), false),
        (uri("/x/account"), false),
    ] {
        let shown = format!("{what:?}");
        assert_eq!(is_named(what, "/x/../account").await, expected, "{shown}");
    }
}

#[tokio::test]
async fn a_write_finds_what_was_stored_under_another_spelling() {
    // Some of these are no URIs, but a client can send them. They have the same name for a read and
    // a write.
    let same = ["/%zz", "/%", "/a%2", "/{x}|^", "//x/y", "/a?%zz=|"].map(|target| (target, target));
    let spelled = SPELLINGS.iter().filter(|(.., sendable)| *sendable).map(|(one, other, _)| (*one, *other));
    for (stored, written) in spelled.chain(same) {
        let (cache, _) = cache();
        let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
        assert_eq!(get(&site, stored).await, "MISS", "{stored}");
        sent(&site, "PUT", written, "shop.example").await;
        assert_eq!(get(&site, stored).await, "MISS", "{written} for {stored}");
        sent(&site, "PUT", stored, "shop.example").await;
        assert_eq!(get(&site, stored).await, "MISS", "{stored}");
    }
}

#[tokio::test]
async fn a_location_is_found_in_every_spelling() {
    for (location, expected) in [
        ("/caf%c3%a9", "MISS"),
        ("/café", "MISS"),
        ("https://shop.example/caf%C3%A9", "MISS"),
        ("https://SHOP.example:443/caf%c3%a9", "MISS"),
        ("http://shop.example:80/x/../caf%c3%a9", "MISS"),
        ("//shop.example/caf%C3%A9", "MISS"),
        ("https://other.example/caf%C3%A9", "HIT"),
        ("https://shop.example:8443/caf%C3%A9", "HIT"),
        ("/caf%25C3%25A9", "HIT"),
    ] {
        let (cache, _) = cache();
        let value = http::HeaderValue::from_bytes(location.as_bytes()).unwrap();
        let handler = move |request: Request<Body>| {
            let value = value.clone();
            async move {
                let mut response = http::Response::new(Body::from("page"));
                if request.method() != Method::GET {
                    response.headers_mut().insert("location", value);
                }
                response
            }
        };
        let policy = hourly().invalidate_locations();
        let site = Site::of(Router::new().fallback(handler).layer(cache.layer(policy))).await;
        assert_eq!(get(&site, "/caf%C3%A9").await, "MISS");
        sent(&site, "POST", "/items", "shop.example").await;
        assert_eq!(get(&site, "/caf%C3%A9").await, expected, "{location}");
    }
}
