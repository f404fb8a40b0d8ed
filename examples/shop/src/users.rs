//! Users: show, rank and update, and the user of the request.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use larder::Invalidation;
use serde::{Deserialize, Serialize};

use crate::app::{App, run_to_completion};
use crate::errors::Error;
use crate::extract::{self, Id, Path};
use crate::fields::{Email, Name};
use crate::sessions::SignedIn;
use crate::stats::Handler;

/// The length of the list of top users.
const TOP: i64 = 50;

/// A user, as a value in the cache and in a response.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) score: i64,
}

/// The new values of a user. Other fields of the body are ignored, so that a client can send back a
/// modified response.
#[derive(Debug, Deserialize)]
pub(crate) struct NewUser {
    pub(crate) name: Name,
    pub(crate) email: Email,
    pub(crate) score: i64,
}

/// `GET /api/users/{id}`
pub(crate) async fn show(State(app): State<App>, Path(id): Path<Id>) -> Result<Json<Arc<User>>, Error> {
    app.runs.count(Handler::User);
    Ok(Json(find(&app, id).await?))
}

/// `GET /api/users/top`
pub(crate) async fn top(State(app): State<App>) -> Result<Json<Vec<User>>, Error> {
    app.runs.count(Handler::TopUsers);
    Ok(Json(app.database.top_users(TOP).await?))
}

/// `GET /api/me`
pub(crate) async fn me(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
) -> Result<Json<Arc<User>>, Error> {
    app.runs.count(Handler::Me);
    Ok(Json(find(&app, signed_in.user).await?))
}

/// `DELETE /api/session`: ends the session of the request.
///
/// The layer around the cache refuses the session from now on. The tag also removes what is stored
/// for the user, which the other sessions of the user would get.
pub(crate) async fn sign_out(
    State(app): State<App>,
    Extension(signed_in): Extension<SignedIn>,
) -> StatusCode {
    app.sessions.end(&signed_in);
    app.cache.invalidate(Invalidation::tag(format!("user:{}", signed_in.user))).await;
    StatusCode::NO_CONTENT
}

/// `PUT /api/users/{id}`
///
/// The write-through invalidates the routes that show the user, as the collection says. The next
/// request for one of them finds the new value in the cache, on every instance.
pub(crate) async fn update(
    State(app): State<App>,
    Path(id): Path<Id>,
    extract::Json(new): extract::Json<NewUser>,
) -> Result<Json<Arc<User>>, Error> {
    app.runs.count(Handler::UserUpdate);
    run_to_completion(async move {
        let write = async || app.database.update_user(id.get(), &new).await;
        let written = app.values.users.write_through(&id.get(), write).await?;
        written.into_value().map(Json).ok_or(Error::Unknown("user"))
    })
    .await
}

/// Returns a user.
///
/// # Errors
///
/// Fails if there is no user with this identifier, or if the database fails.
pub(crate) async fn find(app: &App, id: Id) -> Result<Arc<User>, Error> {
    let user = app.values.users.load(&id.get()).await?;
    user.ok_or(Error::Unknown("user"))
}
