//! Views of products: a layer counts each request, and a route shows the count.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::errors::Error;
use crate::extract::{Id, Path};
use crate::stats::Handler;
use crate::view_counter::ViewCounter;

/// How often a product was viewed, as a value in the cache and in a response.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Views {
    pub(crate) product: i64,
    pub(crate) views: i64,
}

/// A view of a product, as an operation: it adds to the count.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct View;

/// Counts the views of a product, in a layer around the cache. So a hit is a view too.
///
/// Only a product that exists is counted: otherwise clients could add rows. The response does not
/// wait until the view is counted.
pub(crate) async fn count(
    State(counter): State<ViewCounter>,
    id: Result<Path<Id>, Error>,
    request: Request,
    next: Next,
) -> Response {
    let is_read = *request.method() == Method::GET;
    let response = next.run(request).await;
    let is_shown = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    if let Ok(Path(id)) = id
        && is_read
        && is_shown
    {
        counter.count(id);
    }
    response
}

/// `GET /api/products/{id}/views`: the views that are in the database.
pub(crate) async fn show(State(app): State<App>, Path(id): Path<Id>) -> Result<Json<Arc<Views>>, Error> {
    app.runs.count(Handler::Views);
    let views = app.views.find(id).await?;
    views.map(Json).ok_or(Error::Unknown("product"))
}
