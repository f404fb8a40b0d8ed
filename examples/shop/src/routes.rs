//! The routes of the shop.

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::caching::{self, Caching};
use crate::{countries, errors, products, stats, users};

/// Returns the routes, without their state.
pub(crate) fn routes(cache: &Caching) -> Router<App> {
    let product = get(products::show).put(products::update);
    let user = get(users::show).put(users::update);
    Router::new()
        .route("/api/products", cache.route(get(products::search), caching::search()))
        .route("/api/products/{id}", cache.route(product, caching::product()))
        .route("/api/users/{id}", cache.route(user, caching::user()))
        .route("/api/users/top", cache.route(get(users::top), caching::top_users()))
        .route("/api/me", cache.route(get(users::me), caching::me()))
        .route("/api/countries", cache.route(get(countries::list), caching::countries()))
        .route("/healthz", get(|| async { "ok" }))
        .route("/stats", get(stats::show))
        .fallback(errors::no_route)
        .method_not_allowed_fallback(errors::no_method)
}
