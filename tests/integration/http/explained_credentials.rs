//! Explanations contain no credentials, wherever a policy or a handler puts them.

use axum::Router;
use axum::body::Body;
use http::{HeaderName, Request};
use larder::{Cache, Policy, Tag};
use larder_testing::{Answer, ManualClock, Origin};
use tower::{Layer as _, ServiceExt as _};

use crate::support::hourly;

const SESSION: &str = "session-0123456789";
const TOKEN: &str = "abc.DEF-456.xyz";
const API_KEY: &str = "key|with {special}^bytes";
const SHORT: &str = "7q";

fn cache() -> Cache {
    let api_key = HeaderName::from_static("x-api-key");
    Cache::builder().clock(ManualClock::new()).credentials([api_key]).build()
}

fn request() -> Request<Body> {
    Request::get(format!("/a?next={SESSION}&b=1"))
        .header("host", "shop.example")
        .header("cookie", format!("sid={SESSION}; short={SHORT}; theme=dark-theme"))
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("x-api-key", API_KEY)
        .body(Body::empty())
        .unwrap()
}

fn cookie(parts: &http::request::Parts, name: &str) -> Option<String> {
    let line = parts.headers.get("cookie")?.to_str().ok()?;
    line.split("; ").find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=')).map(ToOwned::to_owned)
}

/// Policies that put credentials into keys, names and variants in every way there is.
fn policies() -> Vec<Policy> {
    let header = HeaderName::from_static;
    vec![
        hourly(),
        hourly().share_authorized().ignore_cookies(),
        hourly().key_cookie("sid").key_cookie("short").key_cookie("theme").share_authorized(),
        hourly()
            .key_header(header("authorization"))
            .key_header(header("x-api-key"))
            .key_header(header("cookie")),
        hourly().per_user(|parts| cookie(parts, "sid")).tag("user:{user}").key("mine:{user}"),
        hourly().per_user(|parts| cookie(parts, "short")).tag("user:{user}"),
        hourly().partition(|parts| Some(parts.headers.get("authorization")?.to_str().ok()?.to_owned())),
        hourly().share_authorized().key_with(|request| {
            let key = request.headers.get("x-api-key")?.to_str().ok()?;
            Some(format!("{key}/{}/{}", cookie(request, "sid")?, cookie(request, "short")?))
        }),
        hourly()
            .ignore_cookies()
            .share_authorized()
            .tag_with(|request| [Tag::new(format!("s:{}", cookie(request, "sid").unwrap_or_default()))]),
    ]
}

#[tokio::test]
async fn no_credential_appears_in_an_explanation() {
    for (number, policy) in policies().into_iter().enumerate() {
        let cache = cache();
        let vary = Answer::ok("a").header("vary", "cookie, authorization, x-api-key");
        let origin = Origin::always(vary.header("cache-control", "public, max-age=60"));
        let router = Router::new().fallback_service(cache.layer(policy).layer(origin));
        for round in 0..2 {
            let explanation = cache.explain(router.clone(), request()).await.unwrap();
            let texts = [
                explanation.to_string(),
                serde_json::to_string(&explanation).unwrap(),
                format!("{explanation:?}"),
            ];
            let escaped = "key^7Cwith^20^7Bspecial^7D^5Ebytes";
            for text in texts {
                for secret in [SESSION, TOKEN, API_KEY, escaped, "dark-theme", "special"] {
                    assert!(!text.contains(secret), "policy {number}, round {round}: {secret} in {text}");
                }
                let words: Vec<_> = text.split(|letter: char| !letter.is_alphanumeric()).collect();
                assert!(!words.contains(&SHORT), "policy {number}, round {round}: {text}");
            }
            let response = router.clone().oneshot(request()).await.unwrap();
            axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
            let _ = cache.invalidate(Tag::new(format!("s:{SESSION}"))).await;
            let _ = cache.invalidate(Tag::new(format!("user:{SESSION}"))).await;
        }
    }
}

/// Keys of different requests can be compared nevertheless, also with those of listings.
#[tokio::test]
async fn the_same_credential_is_shown_in_the_same_way() {
    let cache = cache();
    let policy = hourly().key_cookie("sid").ignore_cookies().share_authorized();
    let router = Router::new().fallback_service(cache.layer(policy).layer(Origin::always(Answer::ok("a"))));
    let key = async |session: &str| {
        let mut request = request();
        request.headers_mut().insert("cookie", format!("sid={session}").parse().unwrap());
        cache.explain(router.clone(), request).await.unwrap().key.unwrap().text
    };
    let (one, same, other) = (key("one-session").await, key("one-session").await, key("two-session").await);
    assert!(one.contains("|c|sid=^#"), "{one}");
    assert_eq!(one, same);
    assert_ne!(one, other);
    assert_eq!(
        one,
        larder_core::key::redact::redact(
            "u|http|shop.example|/a|?next=session-0123456789&b=1|c|sid=one-session"
        )
    );
}
