//! The routes of an instance, and their policies.

use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use larder::{Policy, ttl};

use super::App;
use super::show::show;
use super::show_queued::{queue_size, show_queued, show_result};
use super::show_value::show_value;
use super::write::{put, write};
use crate::clock::Moment;
use crate::item::{Family, Item};
use crate::wire;

/// Short, so that not every response stays fresh for the whole run.
pub(super) const SHORT: Duration = Duration::from_secs(1);
const WINDOW: Duration = Duration::from_secs(600);

pub(super) fn routes(app: App) -> Router {
    let mut router = Router::new();
    for family in Family::ALL {
        let path = format!("/{}/{{id}}/show", family.as_str());
        router = router.route(&path, shown(&app, family));
    }
    router
        .route("/write/{family}/{id}/{way}", post(write))
        .route("/queue", get(queue_size))
        .route("/probe/{name}", get(async || "probe").layer(app.cache.layer(Policy::ttl(ttl::REALTIME))))
        .layer(from_fn_with_state(app.clone(), sign))
        .with_state(app)
}

/// Returns the methods that show an item, and write it if that goes through the layer.
fn shown(app: &App, family: Family) -> MethodRouter<App> {
    let show = get(move |State(app): State<App>, Path(id): Path<usize>, request: Request| async move {
        show(&app, item(family, id)?, request.headers()).await
    });
    let show_value = get(move |State(app): State<App>, Path(id): Path<usize>, request: Request| async move {
        show_value(&app, item(family, id)?, request.headers()).await
    });
    let show_queued =
        get(move |State(app): State<App>, Path(id): Path<usize>, request: Request| async move {
            show_queued(&app, item(family, id)?, request.headers()).await
        });
    let show_result =
        get(move |State(app): State<App>, Path(id): Path<usize>, request: Request| async move {
            show_result(&app, item(family, id)?, request.headers()).await
        });
    let shown = match family {
        // No layer: the cache is below HTTP.
        Family::WriteBehind => return show_queued,
        Family::Operations => return show_result,
        Family::Values | Family::WriteThrough => return show_value,
        Family::Nested => show_value,
        Family::Uri => show.put(move |State(app): State<App>, Path(id): Path<usize>| async move {
            put(&app, item(family, id)?).await
        }),
        _ => show,
    };
    shown.layer(app.cache.layer(policy(family)))
}

fn policy(family: Family) -> Policy {
    let name = family.as_str();
    let tagged = |lifetime| Policy::ttl(lifetime).tag(format!("{name}:{{id}}"));
    match family {
        Family::Tag | Family::Vary | Family::Nested => tagged(ttl::STANDARD),
        Family::Said
        | Family::Prefix
        | Family::Glob
        | Family::Uri
        | Family::Values
        | Family::WriteThrough
        | Family::WriteBehind
        | Family::Operations => Policy::ttl(ttl::STANDARD),
        Family::Key => Policy::ttl(ttl::STANDARD).key(format!("{name}:{{id}}")),
        Family::Patient => tagged(SHORT).stale_while_revalidate(WINDOW).stale_if_error(WINDOW),
        Family::Etag | Family::Dated | Family::Failing => tagged(SHORT),
        Family::Absent => tagged(ttl::STANDARD).status(StatusCode::NOT_FOUND, ttl::STANDARD),
    }
}

fn item(family: Family, id: usize) -> Result<Item, StatusCode> {
    if id < family.items() { Ok(Item { family, id }) } else { Err(StatusCode::NOT_FOUND) }
}

/// Adds the life and the time. This runs after everything that the cache does before it sends a
/// response.
async fn sign(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let returned = Moment::now().as_nanos();
    let headers = response.headers_mut();
    headers.insert(wire::LIFE, HeaderValue::from(app.reference_model.life));
    headers.insert(wire::RETURNED, HeaderValue::from(returned));
    response
}
