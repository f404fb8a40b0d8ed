//! Countries: a table that does not change while the shop runs.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::app::App;
use crate::errors::Error;
use crate::stats::Handler;

/// A country in a response.
#[derive(Debug, Serialize)]
pub(crate) struct Country {
    /// ISO 3166-1 alpha-2.
    pub(crate) code: String,
    pub(crate) name: String,
}

/// `GET /api/countries`
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Vec<Country>>, Error> {
    app.runs.count(Handler::Countries);
    Ok(Json(app.database.countries().await?))
}
