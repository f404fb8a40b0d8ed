//! The errors of the API.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::json;

/// An error of the API, with a word for programs and a text for humans.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The request has no token, or none that this router knows.
    Unauthorized,
    /// The token does not permit it.
    Forbidden,
    /// There were too many requests. There is a permit after this time.
    TooManyRequests(Duration),
    /// The request cannot be understood.
    Invalid(String),
    /// There is no such thing.
    NotFound,
    /// The resource does not have this method.
    MethodNotAllowed,
    /// The application has not provided this.
    Unsupported(&'static str),
    /// The shared store did not answer.
    Store(String),
    /// The request reaches no layer of the cache.
    NotCached(String),
    /// Too many jobs are running.
    TooManyJobs,
}

impl ApiError {
    const fn status(&self) -> StatusCode {
        match self {
            Self::Unauthorized => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::TooManyRequests(_) | Self::TooManyJobs => StatusCode::TOO_MANY_REQUESTS,
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::NotFound | Self::NotCached(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
            Self::Store(_) => StatusCode::BAD_GATEWAY,
        }
    }

    const fn word(&self) -> &'static str {
        match self {
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::TooManyRequests(_) => "too-many-requests",
            Self::Invalid(_) => "invalid",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Unsupported(_) => "unsupported",
            Self::Store(_) => "store",
            Self::NotCached(_) => "not-cached",
            Self::TooManyJobs => "too-many-jobs",
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Unauthorized => "this needs a token: `Authorization: Bearer …`",
            Self::Forbidden => "this token only permits to read",
            Self::TooManyRequests(_) => "too many requests",
            Self::NotFound => "there is no such resource",
            Self::MethodNotAllowed => "this resource does not have this method",
            Self::TooManyJobs => "too many jobs are running",
            Self::Invalid(text) | Self::Store(text) | Self::NotCached(text) => text,
            Self::Unsupported(text) => text,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.word(), "message": self.text() }));
        let mut response = (self.status(), body).into_response();
        match self {
            Self::Unauthorized => {
                response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
            Self::TooManyRequests(wait) => {
                let seconds = wait.as_secs().saturating_add(1);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            }
            _ => {}
        }
        response
    }
}

impl From<JsonRejection> for ApiError {
    fn from(rejection: JsonRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        Self::Invalid(rejection.body_text())
    }
}
