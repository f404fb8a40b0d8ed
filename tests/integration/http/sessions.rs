//! Sessions: identity in a layer around the cache, and the end of a session.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Extension, FromRequestParts, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use larder::{Policy, Tag};
use larder_tests::http::{Page, Site};

use crate::support::{cache, hourly};

/// The sessions: a token, and the user that it belongs to.
#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<BTreeMap<String, u64>>>);

/// A user whose session was verified.
#[derive(Clone, Copy)]
struct UserId(u64);

impl Sessions {
    fn of(sessions: &[(&str, u64)]) -> Self {
        Self(Arc::new(Mutex::new(sessions.iter().map(|(token, id)| ((*token).into(), *id)).collect())))
    }

    fn verify(&self, headers: &HeaderMap) -> Result<UserId, StatusCode> {
        let token = token(headers).ok_or(StatusCode::UNAUTHORIZED)?;
        self.0.lock().unwrap().get(&token).copied().map(UserId).ok_or(StatusCode::UNAUTHORIZED)
    }

    fn end(&self, token: &str) {
        self.0.lock().unwrap().remove(token);
    }
}

fn token(headers: &HeaderMap) -> Option<String> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ").map(Into::into)
}

async fn identify(
    State(sessions): State<Sessions>,
    mut request: Request,
    next: Next,
) -> Result<Response, StatusCode> {
    let user = sessions.verify(request.headers())?;
    request.extensions_mut().insert(user);
    Ok(next.run(request).await)
}

async fn page(Extension(user): Extension<UserId>) -> String {
    format!("page of {}", user.0)
}

/// An extractor that verifies the session. It runs inside of the cache.
struct Verified(UserId);

impl FromRequestParts<Sessions> for Verified {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, sessions: &Sessions) -> Result<Self, StatusCode> {
        sessions.verify(&parts.headers).map(Self)
    }
}

fn verified(parts: &Parts) -> Option<String> {
    Some(parts.extensions.get::<UserId>()?.0.to_string())
}

async fn get_as(site: &Site, token: &str) -> Page {
    site.ask(Method::GET, "/page/7").with("authorization", &format!("Bearer {token}")).send().await
}

/// A site whose layer around the cache verifies the session, as the docs of `per_user` recommend.
async fn identified(cache: &larder::Cache, policy: Policy, sessions: &Sessions) -> Site {
    let router = Router::new()
        .route("/page/{id}", get(page).layer(cache.layer(policy)))
        .layer(from_fn_with_state(sessions.clone(), identify));
    Site::of(router).await
}

#[tokio::test]
async fn an_ended_session_gets_nothing_if_a_layer_around_verifies_it() {
    let (cache, _) = cache();
    let sessions = Sessions::of(&[("ann-phone", 1), ("ann-laptop", 1), ("bob", 2)]);
    let site = identified(&cache, hourly().per_user(verified), &sessions).await;
    assert!(get_as(&site, "ann-phone").await.is("MISS", "page of 1"));
    assert!(get_as(&site, "ann-laptop").await.is("HIT", "page of 1"), "the sessions of a user share");
    assert!(get_as(&site, "bob").await.is("MISS", "page of 2"));
    sessions.end("ann-phone");
    assert_eq!(get_as(&site, "ann-phone").await.status, StatusCode::UNAUTHORIZED);
    assert!(get_as(&site, "ann-laptop").await.is("HIT", "page of 1"));
}

/// This is why the docs of `per_user` warn of tokens that nothing has verified.
#[tokio::test]
async fn with_the_raw_token_a_page_outlives_the_session() {
    let (cache, _) = cache();
    let sessions = Sessions::of(&[("ann", 1)]);
    let policy = hourly().per_user(|parts| token(&parts.headers));
    let handler = |Verified(user): Verified| async move { format!("page of {}", user.0) };
    let router = Router::new()
        .route("/page/{id}", get(handler).layer(cache.layer(policy)))
        .with_state(sessions.clone());
    let site = Site::of(router).await;
    assert!(get_as(&site, "ann").await.is("MISS", "page of 1"));
    sessions.end("ann");
    assert!(get_as(&site, "ann").await.is("HIT", "page of 1"));
}

#[tokio::test]
async fn a_tag_ends_what_is_stored_for_one_user() {
    let (cache, _) = cache();
    let sessions = Sessions::of(&[("ann", 1), ("bob", 2)]);
    let policy = hourly().per_user(verified).tag("user:{user}").tag("user:{user}:page:{id}");
    let site = identified(&cache, policy, &sessions).await;
    for (token, body) in [("ann", "page of 1"), ("bob", "page of 2")] {
        assert!(get_as(&site, token).await.is("MISS", body));
        assert!(get_as(&site, token).await.is("HIT", body));
    }
    for tag in ["user:1", "user:1:page:7"] {
        let _ = cache.invalidate(Tag::new(tag)).await;
        assert!(get_as(&site, "ann").await.is("MISS", "page of 1"), "{tag}");
        assert!(get_as(&site, "bob").await.is("HIT", "page of 2"), "{tag}");
    }
}

/// A route that has a parameter of this name means that parameter.
#[tokio::test]
async fn a_path_parameter_comes_before_the_user() {
    let (cache, _) = cache();
    let sessions = Sessions::of(&[("ann", 1)]);
    let router = Router::new()
        .route("/page/{user}", get(page).layer(cache.layer(hourly().per_user(verified).tag("user:{user}"))))
        .layer(from_fn_with_state(sessions, identify));
    let site = Site::of(router).await;
    assert_eq!(get_as(&site, "ann").await.x_cache(), "MISS");
    let _ = cache.invalidate(Tag::new("user:1")).await;
    assert_eq!(get_as(&site, "ann").await.x_cache(), "HIT");
    let _ = cache.invalidate(Tag::new("user:7")).await;
    assert_eq!(get_as(&site, "ann").await.x_cache(), "MISS");
}

/// A tenant is no user. `{user}` then has no value, like any other unknown parameter.
#[tokio::test]
async fn a_partition_is_no_user() {
    let (cache, _) = cache();
    let sessions = Sessions::of(&[("ann", 1)]);
    let policy = hourly().share_authorized().partition(verified).tag("user:{user}");
    let site = identified(&cache, policy, &sessions).await;
    for _ in 0..2 {
        assert!(get_as(&site, "ann").await.is("BYPASS", "page of 1"));
    }
}
