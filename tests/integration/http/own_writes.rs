//! Tokens of a client's own writes: where they are used, and where they never appear.

use axum::Router;
use http::header::HeaderName;
use http::{Method, StatusCode};
use larder::{Cache, Policy, ReadYourWrites};
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};
use tower::Layer as _;

use crate::support::{cache, hourly, site};

const NAME: HeaderName = HeaderName::from_static("larder-token");

/// Returns an origin that repeats the cookies and tokens of the request.
fn telling() -> Origin {
    Origin::new(move |request, _| {
        let field =
            |name| request.headers.get(name).map_or("-", |value: &http::HeaderValue| value.to_str().unwrap());
        Answer::ok(format!("{} {}", field("cookie"), field("larder-token")))
            .header("vary", "cookie, larder-token")
    })
}

fn by_cookie() -> Policy {
    hourly().read_your_writes(ReadYourWrites::cookie("seen")).ignore_cookie("a")
}

fn by_header() -> Policy {
    hourly().read_your_writes(ReadYourWrites::header(NAME))
}

async fn get(site: &Site, name: &'static str, value: &str) -> Page {
    site.ask(Method::GET, "/a").with(name, value).send().await
}

/// Returns the cookie of a response, as a request sends it.
fn cookie(page: &Page) -> String {
    page.field("set-cookie").split(';').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_cookie_goes_from_a_write_to_the_next_read_and_nowhere_else() {
    let (cache, _) = cache();
    let site = site(&cache, by_cookie(), &telling()).await;
    let written = site.ask(Method::PUT, "/a").with("cookie", "a=1").send().await;
    assert_eq!(written.summary(), ("BYPASS".into(), "a=1 -".into()));
    let first = cookie(&written);
    assert!(first.starts_with("seen=1-"), "{first}");

    let made = get(&site, "cookie", &format!("{first}; a=1")).await;
    assert_eq!(made.summary(), ("MISS".into(), "a=1 -".into()));
    assert_eq!(made.field("set-cookie"), "");
    let written = site.ask(Method::PUT, "/b").with("cookie", &first).send().await;
    assert!(written.is("BYPASS", "- -"), "the handler sees no token: {written:?}");
    let second = cookie(&written);
    assert_ne!(first, second);
    // The token is not in the key or in the varied fields.
    for cookies in [format!("a=1; {second}"), format!("{first};a=1"), "a=1".into()] {
        assert!(get(&site, "cookie", &cookies).await.is("HIT", "a=1 -"), "{cookies}");
    }
}

#[tokio::test]
async fn a_header_field_goes_from_a_write_to_the_next_read_and_nowhere_else() {
    let (cache, _) = cache();
    let site = site(&cache, by_header(), &telling()).await;
    let written = site.ask(Method::PUT, "/a").send().await;
    let token = written.field("larder-token");
    assert_eq!(token, cache.token().to_string());
    let made = get(&site, "larder-token", &token).await;
    assert_eq!((made.summary(), made.field("larder-token")), (("MISS".into(), "- -".into()), String::new()));
    assert!(site.get("/a").await.is("HIT", "- -"));
    assert!(get(&site, "larder-token", &token).await.is("HIT", "- -"));
}

#[tokio::test]
async fn every_unsafe_method_gives_a_token_whatever_the_handler_says_and_no_other_does() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let refused = request.method == Method::POST;
        Answer::status(if refused { StatusCode::CONFLICT } else { StatusCode::OK })
    });
    let site = site(&cache, by_header(), &origin).await;
    for (method, gives) in [
        (Method::PUT, true),
        (Method::POST, true),
        (Method::DELETE, true),
        (Method::GET, false),
        (Method::HEAD, false),
        (Method::OPTIONS, false),
    ] {
        let page = site.ask(method.clone(), "/a").send().await;
        assert_eq!(!page.field("larder-token").is_empty(), gives, "{method}");
    }
}

#[tokio::test]
async fn a_policy_that_says_nothing_of_tokens_knows_none() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &telling()).await;
    let written = site.ask(Method::PUT, "/a").with("larder-token", "x").send().await;
    assert!(written.is("BYPASS", "- x"), "{written:?}");
    assert_eq!((written.field("larder-token"), written.field("set-cookie")), (String::new(), String::new()));
    assert_eq!(get(&site, "larder-token", "1-0-0-0").await.x_cache(), "MISS");
    assert_eq!(
        get(&site, "cookie", "seen=1-0-0-0").await.cache_status().split("detail=").nth(1),
        Some("\"cookie, not stored: cookie\"")
    );
}

/// Only the client with the forged token bypasses the stored response. It gets an ordinary response
/// of the handler.
#[tokio::test]
async fn a_made_up_token_affects_no_other_client() {
    let (cache, _) = cache();
    let origin = Origin::new(|_, call| Answer::ok(format!("v{call}")));
    let site = site(&cache, by_header(), &origin).await;
    assert!(site.get("/a").await.is("MISS", "v1"));
    let tokens = ["", "x", "1-0-0-0", "2-0-0-0", "1-0-0-0-0-0", &"1-".repeat(4000)];
    for (call, token) in (2..).zip(tokens) {
        let page = get(&site, "larder-token", token).await;
        assert_eq!(page.summary(), ("BYPASS".into(), format!("v{call}")), "{token:.9}");
        assert_eq!(
            page.cache_status(),
            "Larder; fwd=bypass; fwd-status=200; stored; detail=read-your-writes"
        );
        // The response is stored unchanged, and other clients find it. It is the same that the
        // handler gives to any client.
        assert!(site.get("/a").await.is("HIT", &format!("v{call}")));
    }
    assert_eq!(cache.stats().bypasses.get("read-your-writes"), Some(&6));
}

/// The outer layer evaluates the token for both, and the inner one leaves reads to it.
#[tokio::test]
async fn a_layer_around_a_layer_gives_one_token() {
    let (cache, _) = cache();
    let inner = cache.layer(by_cookie()).layer(telling());
    let site = Site::of(Router::new().fallback_service(cache.layer(by_cookie()).layer(inner))).await;
    let written = site.ask(Method::PUT, "/a").send().await;
    assert_eq!(written.all("set-cookie").len(), 1);
    assert_eq!(cookie(&written), format!("seen={}", cache.token()));
    assert!(get(&site, "cookie", &cookie(&written)).await.is("MISS", "- -"));
    assert!(get(&site, "cookie", &cookie(&written)).await.is("HIT", "- -"));
}

/// Without a shared store, a process knows nothing of the invalidations of another.
#[tokio::test]
async fn another_process_cannot_tell_what_a_token_means() {
    let (first, _) = cache();
    let (second, _) = cache();
    let origin = telling();
    let other = site(&second, by_header(), &origin).await;
    assert!(other.get("/a").await.is("MISS", "- -"));
    let token = |cache: &Cache| cache.token().to_string();
    assert_eq!(get(&other, "larder-token", &token(&first)).await.x_cache(), "BYPASS");
    assert_eq!(get(&other, "larder-token", &token(&second)).await.x_cache(), "HIT");
}
