//! The routes of the shop.

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{delete, get};

use crate::app::App;
use crate::caching;
use crate::sessions;
use crate::{carts, countries, errors, metrics, products, recommendations, stats, users, views};

/// Returns the routes, without their state.
pub(crate) fn routes(app: &App) -> Router<App> {
    let cache = &app.cache;
    let product = get(products::show).put(products::update);
    // Added later, so it is around the cache and runs for hits too.
    let count_views = from_fn_with_state(app.views.clone(), views::count);
    let product = cache.route(product, caching::product()).layer(count_views);
    let related = cache.route(get(recommendations::show), caching::related());
    // The write is not behind the layer, which would invalidate the URI after the write-through.
    // The route could then not use the value that the write has stored.
    let user = cache.route(get(users::show), caching::user()).put(users::update);
    // Around the cache as well.
    let identify = from_fn_with_state(app.sessions.clone(), sessions::identify);
    let me = cache.route(get(users::me), caching::me()).layer(identify.clone());
    // Not a method of `/api/me`: a write there would invalidate the responses of all users.
    let session = delete(users::sign_out).layer(identify);
    Router::new()
        .route("/api/products", cache.route(get(products::search), caching::search()))
        .route("/api/products/{id}", product)
        .route("/api/products/{id}/views", get(views::show))
        .route("/api/products/{id}/related", related)
        .route("/api/users/{id}", user)
        .route("/api/users/{id}/cart", get(carts::show).put(carts::save).delete(carts::delete))
        .route("/api/users/top", cache.route(get(users::top), caching::top_users()))
        .route("/api/me", me)
        .route("/api/session", session)
        .route("/api/countries", cache.route(get(countries::list), caching::countries()))
        .route("/healthz", get(|| async { "ok" }))
        .route("/stats", get(stats::show))
        .route("/metrics", get(metrics::show))
        .fallback(errors::no_route)
        .method_not_allowed_fallback(errors::no_method)
}
