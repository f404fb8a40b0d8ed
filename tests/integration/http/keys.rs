//! Two requests that differ in a keyed property never share a response.

use std::collections::{BTreeMap, HashMap};

use axum::Router;
use axum::extract::{OriginalUri, Path, RawQuery};
use axum::routing::get;
use http::{HeaderName, Method};
use larder::Policy;
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;
use tower::Layer as _;

use crate::support::{cache, hourly, site};

/// Returns an origin whose body describes the request.
fn echo() -> Origin {
    Origin::new(|request, _| {
        let field =
            |name| request.headers.get(name).map_or("-", |value: &http::HeaderValue| value.to_str().unwrap());
        Answer::ok(format!("{} host={} x-key={}", request.uri, field("host"), field("x-key")))
    })
}

/// Sends a request target unchanged, which no client library would do.
async fn target(site: &Site, target: &str) -> (String, String) {
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let read = site.raw(&request).await.to_end().await;
    let (head, body) = read.split_once("\r\n\r\n").unwrap_or((&read, ""));
    let x_cache = head.lines().find_map(|line| line.strip_prefix("x-cache: ")).unwrap_or_default();
    (x_cache.to_owned(), body.to_owned())
}

const TARGETS: [&str; 44] = [
    "/",
    "/a",
    "/a/",
    "/a//",
    "//a",
    "/A",
    "/a?",
    "/a?b",
    "/a?b=",
    "/a?b=1",
    "/a?b=1&",
    "/a?&b=1",
    "/a?b=1&b=2",
    "/a?b=2&b=1",
    "/a?b=1&c=2",
    "/a?c=2&b=1",
    "/a?b=1%26c=2",
    "/a%3Fb=1",
    "/a%3fb=1",
    "/a%2Fb",
    "/a%2fb",
    "/a/b",
    "/a/./b",
    "/a/../b",
    "/a/%2E%2E/b",
    "/b",
    "/a|b",
    "/a%7Cb",
    "/a^7Cb",
    "/a%5E7Cb",
    "/a%20b",
    "/a+b",
    "/a?b+c",
    "/a?b%20c",
    "/a?b|c",
    "/a?b^c",
    "/a?q={x}",
    "/a;b",
    "/a%00",
    "/a%25",
    "/a%2525",
    "/a|?b=1",
    "/a?|b=1",
    "/a?b=1|",
];

#[tokio::test]
async fn request_targets_that_try_to_collide_do_not() {
    let (cache, _) = cache();
    let origin = echo();
    let site = site(&cache, hourly().expose_cache_key(), &origin).await;
    for x_cache in ["MISS", "HIT"] {
        for path in TARGETS {
            let expected = format!("{path} host=x x-key=-");
            assert_eq!(target(&site, path).await, (x_cache.into(), expected));
        }
    }
    assert_eq!(origin.calls(), TARGETS.len());
}

/// The parts of a key other than the URI cannot be imitated by the URI or by each other.
#[tokio::test]
async fn parts_of_a_key_cannot_stand_in_for_each_other() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let field =
            |name| request.headers.get(name).map_or("-", |value: &http::HeaderValue| value.to_str().unwrap());
        Answer::ok(format!(
            "{}#{}#{}#{}#{}",
            request.uri,
            field("x-one"),
            field("x-two"),
            field("cookie"),
            field("x-user")
        ))
    });
    let policy = hourly()
        .key_header(HeaderName::from_static("x-one"))
        .key_header(HeaderName::from_static("x-two"))
        .key_cookie("c")
        .partition(|parts| {
            Some(parts.headers.get("x-user").map_or("", |user| user.to_str().unwrap_or("")).into())
        });
    let site = site(&cache, policy, &origin).await;
    let values = ["", "a", "|", "a|h|x-two=b", "=", "b|c|c=d", "^", "^7C", "a b", "a,b", "|p|", "u"];
    let mut random = fastrand::Rng::with_seed(7);
    let mut seen = HashMap::new();
    for _ in 0..1500 {
        let mut value = || values[random.usize(..values.len())];
        let (one, two, cookie, user, query) = (value(), value(), value(), value(), value());
        let path = format!("/a?{}", query.replace(' ', "+").replace('|', "%7C").replace('^', "%5E"));
        let mut ask = site.ask(Method::GET, &path).with("x-one", one).with("x-two", two).with("x-user", user);
        let cookie = cookie.replace([' ', ',', '='], "");
        if !cookie.is_empty() {
            ask = ask.with("cookie", &format!("c={cookie}"));
        }
        let cookie = if cookie.is_empty() { "-".to_owned() } else { format!("c={cookie}") };
        let expected = format!("{path}#{one}#{two}#{cookie}#{user}");
        let page = ask.send().await;
        assert_eq!(page.text(), expected);
        let before = seen.insert(expected, ());
        assert_eq!(page.x_cache() == "HIT", before.is_some());
    }
    assert!(seen.len() > 500);
}

/// A property test over sockets: any two requests share a response only if everything that the
/// handler reads and the policy keys is equal.
#[tokio::test]
async fn no_two_different_requests_share_a_response() {
    type With = fn(Policy) -> Policy;
    let policies: [(&str, With); 4] = [
        ("all", |policy| policy),
        ("sorted", Policy::query_sorted),
        ("only", |policy| policy.query_only(["q", "page"])),
        ("ignoring", |policy| policy.query_ignoring(["utm"]).query_sorted()),
    ];
    let pieces = [
        "q=1",
        "q=2",
        "%71=1",
        "page=1",
        "utm=x",
        "%75tm=y",
        "q",
        "q=",
        "",
        "Q=1",
        "q=%26page=1",
        "q=1%3B",
        "p=1",
    ];
    for (name, with) in policies {
        let (cache, _) = cache();
        let origin = echo();
        let site = site(&cache, with(hourly()), &origin).await;
        let mut random = fastrand::Rng::with_seed(11);
        for _ in 0..400 {
            let count = random.usize(0..4);
            let query: Vec<_> = (0..count).map(|_| pieces[random.usize(..pieces.len())]).collect();
            let path = if random.bool() { format!("/a?{}", query.join("&")) } else { "/a".to_owned() };
            let host = ["one.example", "two.example"][random.usize(..2)];
            let page = site.ask(Method::GET, &path).with("host", host).send().await;
            let summary = page.text();
            let (uri, rest) = summary.split_once(' ').unwrap();
            assert_eq!(rest, format!("host={host} x-key=-"), "{name}");
            assert_eq!(seen_by_handler(name, uri), seen_by_handler(name, &path), "{name}: {path} got {uri}");
        }
        assert!(origin.calls() < 400, "{name}: something was shared");
    }
}

/// Returns what a handler sees that reads only keyed values: a map from decoded names to the values
/// in their order.
fn seen_by_handler(policy: &str, path: &str) -> (String, Option<BTreeMap<String, Vec<String>>>) {
    let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
    let Some(query) = query else {
        return (path.to_owned(), None);
    };
    if policy == "all" {
        return (format!("{path}?{query}"), None);
    }
    let mut map = BTreeMap::<_, Vec<_>>::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').map_or((pair, ""), |split| split);
        let name = name.replace("%71", "q").replace("%75", "u");
        let kept = match policy {
            "only" => name == "q" || name == "page",
            "ignoring" => name != "utm",
            _ => true,
        };
        if kept {
            map.entry(name).or_default().push(value.to_owned());
        }
    }
    // For these two policies, a missing query equals one without relevant parameters.
    let absent = map.is_empty() && policy != "sorted";
    (path.to_owned(), (!absent).then_some(map))
}

#[tokio::test]
async fn query_rules_look_at_names_as_a_handler_does() {
    type With = fn(Policy) -> Policy;
    let cases: [(&str, With, &[(&str, &str)]); 4] = [
        (
            "all",
            |policy| policy,
            &[("/a?q=1&x=1", "MISS"), ("/a?x=1&q=1", "MISS"), ("/a", "MISS"), ("/a?", "MISS")],
        ),
        (
            "only",
            |policy| policy.query_only(["q", "page"]),
            &[
                ("/a?q=1&page=2", "MISS"),
                ("/a?q=1&utm=3&page=2", "HIT"),
                ("/a?q=1&page=3", "MISS"),
                ("/a?%71=1&page=2", "MISS"),
                ("/a?page=2&q=1", "MISS"),
                ("/a", "MISS"),
                ("/a?x=1", "HIT"),
                ("/a?q=", "MISS"),
            ],
        ),
        (
            "only, sorted",
            |policy| policy.query_sorted().query_only(["q", "page"]),
            &[
                ("/a?q=1&page=2", "MISS"),
                ("/a?page=2&q=1", "HIT"),
                ("/a?q=1&q=2", "MISS"),
                ("/a?q=2&q=1", "MISS"),
            ],
        ),
        (
            "ignoring",
            |policy| policy.query_ignoring(["utm_source"]),
            &[
                ("/a?q=1", "MISS"),
                ("/a?q=1&utm_source=2", "HIT"),
                ("/a?utm%5Fsource=3&q=1", "HIT"),
                ("/a?q=2", "MISS"),
            ],
        ),
    ];
    for (name, with, requests) in cases {
        let (cache, _) = cache();
        let site = site(&cache, with(hourly()), &echo()).await;
        for (path, expected) in requests {
            assert_eq!(site.get(path).await.x_cache(), *expected, "{name}: {path}");
        }
    }
}

/// Values in a template that resemble its text, or the text of another route.
#[tokio::test]
async fn values_in_a_template_do_not_collide() {
    let (cache, _) = cache();
    let two = |Path((x, y)): Path<(String, String)>| async move { format!("{x}/{y}") };
    let one = |Path(x): Path<String>| async move { x };
    let router = Router::new()
        .route("/two/{x}/{y}", get(two).layer(cache.layer(hourly().key("t:{x}:{y}"))))
        .route("/one/{x}", get(one).layer(cache.layer(hourly().key("one:{x}"))))
        .route("/uri/{x}", get(one).layer(cache.layer(hourly())));
    let site = Site::of(router).await;
    let values =
        ["a", "b", ":", "a:", ":b", "a:b", "^3A", "^", "|", "k|one:a", "{x}", " ", "%", "/", "..", "é"];
    let encoded = |value: &str| value.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>();
    for x_cache in ["MISS", "HIT"] {
        for x in values {
            for y in values {
                let page = site.get(&format!("/two/{}/{}", encoded(x), encoded(y))).await;
                assert_eq!(page.summary(), (x_cache.into(), format!("{x}/{y}")));
            }
            assert_eq!(site.get(&format!("/one/{}", encoded(x))).await.summary(), (x_cache.into(), x.into()));
            assert_eq!(site.get(&format!("/uri/{}", encoded(x))).await.summary(), (x_cache.into(), x.into()));
        }
    }
}

/// The host and the path are not in the key of a template, as documented. Clones of one layer share
/// their responses.
#[tokio::test]
async fn a_template_replaces_the_host_and_the_path() {
    let (cache, _) = cache();
    let handler = |Path(id): Path<u64>| async move { format!("user {id}") };
    let layer = cache.layer(hourly().key("user:{id}").expose_cache_key());
    let router = Router::new()
        .route("/users/{id}", get(handler).layer(layer.clone()))
        .route("/profiles/{id}", get(handler).layer(layer));
    let site = Site::of(router).await;
    let first = site.get("/users/7").await;
    assert_eq!((first.x_cache().as_str(), first.field("x-cache-key").as_str()), ("MISS", "k|user:7"));
    assert!(site.ask(Method::GET, "/users/7").with("host", "other").send().await.is("HIT", "user 7"));
    assert!(site.get("/profiles/7").await.is("HIT", "user 7"));
    assert!(site.get("/users/%37").await.is("HIT", "user 7"));
    assert!(site.get("/users/8").await.is("MISS", "user 8"));
}

#[tokio::test]
async fn a_key_of_a_function_is_what_it_makes() {
    let (cache, _) = cache();
    let policy = hourly()
        .key_with(|parts| parts.uri.path().strip_prefix("/page/").map(|page| format!("page:{page}")))
        .expose_cache_key();
    let site = site(&cache, policy, &echo()).await;
    let first = site.get("/page/1?x").await;
    assert_eq!((first.x_cache().as_str(), first.field("x-cache-key").as_str()), ("MISS", "k|page:1"));
    assert_eq!(site.get("/page/1?y").await.x_cache(), "HIT");
    assert_eq!(site.get("/page/2").await.x_cache(), "MISS");
    for _ in 0..2 {
        let none = site.get("/other").await;
        assert_eq!(none.cache_status(), "Larder; fwd=bypass; fwd-status=200; detail=no-key");
    }
}

#[tokio::test]
async fn a_key_is_shown_only_where_the_policy_says_so() {
    for show in [false, true] {
        let (cache, _) = cache();
        let policy = if show { hourly().expose_cache_key() } else { hourly() };
        let site = site(&cache, policy, &echo()).await;
        for x_cache in ["MISS", "HIT"] {
            let page = site.ask(Method::GET, "/a?b=1").with("host", "shop.example").send().await;
            assert_eq!(page.x_cache(), x_cache);
            assert_eq!(page.field("x-cache-key"), if show { "u|http|shop.example|/a|?b=1" } else { "" });
        }
    }
}

#[tokio::test]
async fn a_key_that_is_too_long_bypasses_the_cache() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &echo()).await;
    let path = format!("/{}", "x".repeat(9000));
    for _ in 0..2 {
        let page = site.get(&path).await;
        assert!(page.text().starts_with(&path));
        assert_eq!(page.cache_status(), "Larder; fwd=bypass; fwd-status=200; detail=key-too-long");
    }
}

/// Below `Router::nest`, a service sees only the rest of the path.
#[tokio::test]
async fn nested_routers_with_the_same_paths_share_nothing() {
    let (cache, _) = cache();
    let inner = |name: &'static str| {
        let show = move |OriginalUri(uri): OriginalUri, RawQuery(_): RawQuery| async move {
            format!("{name} {uri}")
        };
        Router::new().route("/items/{id}", get(show).layer(cache.layer(hourly().tag("item:{id}"))))
    };
    let deep = Router::new().nest("/v1", inner("deep"));
    let router = Router::new()
        .nest("/a", inner("a"))
        .nest("/b", inner("b"))
        .nest("/{tenant}/c", inner("c"))
        .nest("/d", deep)
        .nest_service("/e", cache.layer(hourly()).layer(inner("e")))
        .merge(inner("top"));
    let site = Site::of(router).await;
    let paths = [
        "/a/items/1",
        "/b/items/1",
        "/x/c/items/1",
        "/y/c/items/1",
        "/d/v1/items/1",
        "/e/items/1",
        "/items/1",
    ];
    for x_cache in ["MISS", "HIT"] {
        for path in paths {
            let page = site.get(path).await;
            assert_eq!(page.x_cache(), x_cache, "{path}");
            assert!(page.text().ends_with(&format!(" {path}")), "{path}: {}", page.text());
        }
    }
    // Prefixes name complete paths, too.
    let _ = cache.invalidate(larder::Prefix::new("/a").unwrap()).await;
    assert_eq!(site.get("/a/items/1").await.x_cache(), "MISS");
    assert_eq!(site.get("/b/items/1").await.x_cache(), "HIT");
    let _ = cache.invalidate(larder::Tag::new("item:1")).await;
    for path in paths {
        assert_eq!(site.get(path).await.x_cache(), "MISS", "{path}");
    }
}
