//! The errors of the API, answered as `{"error": "…"}` with a matching status.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use larder::values::{LoadError, ReadError, WriteError, WriteErrorKind};
use serde::Serialize;

use crate::database;

/// The reason why a request fails.
#[derive(Debug)]
pub(crate) enum Error {
    /// The resource does not exist.
    Unknown(&'static str),
    /// The route needs a user.
    Unauthorized,
    /// The request is invalid.
    Request(StatusCode, String),
    /// The database failed. Requests that waited for one load share its error.
    Database(Arc<sqlx::Error>),
    /// The queue could not be asked for a write that the database does not have yet.
    QueueUnavailable,
    /// A write was not acknowledged by the queue.
    NotQueued(WriteError),
    /// A task ended before its work was done.
    Task(tokio::task::JoinError),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown(what) => answer(StatusCode::NOT_FOUND, &format!("there is no such {what}")),
            // RFC 9110 §15.5.2: a 401 names an accepted scheme.
            Self::Unauthorized => (
                [(WWW_AUTHENTICATE, "Bearer")],
                answer(StatusCode::UNAUTHORIZED, "this route needs a user: Authorization: Bearer <user id>"),
            )
                .into_response(),
            Self::Request(status, text) => answer(status, &text),
            Self::Database(error) => database_failed(&error),
            Self::QueueUnavailable => {
                answer(StatusCode::SERVICE_UNAVAILABLE, "this cannot be read at the moment")
            }
            Self::NotQueued(error) => not_queued(&error),
            Self::Task(error) => {
                tracing::error!(%error, "a task did not finish");
                answer(StatusCode::INTERNAL_SERVER_ERROR, "this could not be finished")
            }
        }
    }
}

/// Answers whether a retry makes sense, and logs the cause.
fn database_failed(error: &sqlx::Error) -> Response {
    tracing::error!(%error, "the database failed");
    if database::is_busy(error) || matches!(error, sqlx::Error::PoolTimedOut) {
        answer(StatusCode::SERVICE_UNAVAILABLE, "the database is busy")
    } else {
        answer(StatusCode::INTERNAL_SERVER_ERROR, "the database failed")
    }
}

/// Answers whether the write may take effect, and logs the cause.
fn not_queued(error: &WriteError) -> Response {
    let cause = std::error::Error::source(error).map(ToString::to_string);
    tracing::error!(%error, cause, "a write was not acknowledged");
    let text = match error.kind() {
        WriteErrorKind::Unknown => "this may be saved or not: send it again",
        _ => "this cannot be saved at the moment",
    };
    answer(StatusCode::SERVICE_UNAVAILABLE, text)
}

fn answer(status: StatusCode, error: &str) -> Response {
    #[derive(Serialize)]
    struct Body<'a> {
        error: &'a str,
    }
    (status, Json(Body { error })).into_response()
}

/// Answers paths that no route has.
pub(crate) async fn no_route(uri: Uri) -> Error {
    Error::Request(StatusCode::NOT_FOUND, format!("there is no route {}", uri.path()))
}

/// Answers methods that a route does not have.
pub(crate) async fn no_method(method: Method, uri: Uri) -> Error {
    let text = format!("{} has no method {method}", uri.path());
    Error::Request(StatusCode::METHOD_NOT_ALLOWED, text)
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(Arc::new(error))
    }
}

impl From<LoadError<sqlx::Error>> for Error {
    fn from(error: LoadError<sqlx::Error>) -> Self {
        Self::Database(error.into_shared())
    }
}

impl From<LoadError<Arc<sqlx::Error>>> for Error {
    fn from(error: LoadError<Arc<sqlx::Error>>) -> Self {
        Self::Database(Arc::clone(error.get_ref()))
    }
}

impl From<LoadError<ReadError<Arc<sqlx::Error>>>> for Error {
    fn from(error: LoadError<ReadError<Arc<sqlx::Error>>>) -> Self {
        match error.get_ref() {
            ReadError::Load(error) => Self::Database(Arc::clone(error)),
            _ => Self::QueueUnavailable,
        }
    }
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        Self::NotQueued(error)
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl From<PathRejection> for Error {
    fn from(rejection: PathRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}

impl From<QueryRejection> for Error {
    fn from(rejection: QueryRejection) -> Self {
        Self::Request(rejection.status(), rejection.body_text())
    }
}
