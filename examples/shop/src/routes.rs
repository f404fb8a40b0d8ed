//! Every route of the shop.

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::{countries, errors, products, stats, users};

/// The routes, without the state that they need.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/api/products", get(products::search))
        .route("/api/products/{id}", get(products::show).put(products::update))
        .route("/api/users/{id}", get(users::show).put(users::update))
        .route("/api/users/top", get(users::top))
        .route("/api/me", get(users::me))
        .route("/api/countries", get(countries::list))
        .route("/healthz", get(|| async { "ok" }))
        .route("/stats", get(stats::show))
        .fallback(errors::no_route)
        .method_not_allowed_fallback(errors::no_method)
}
