//! The middleware that admits requests with a token.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CACHE_CONTROL, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::access::rate_limit::RateLimit;
use crate::access::role::Role;
use crate::access::token::{Client, Tokens};
use crate::api_error::ApiError;

/// Requests without a valid token that a router answers in a second.
///
/// A token cannot be guessed at this rate, and log lines do not fill a disk.
const FAILURES_PER_SECOND: u32 = 5;

/// The tokens of a router, and the bound on requests without one.
#[derive(Debug)]
pub(crate) struct Gatekeeper {
    tokens: Tokens,
    failures: RateLimit,
}

impl Gatekeeper {
    pub(crate) fn new(tokens: Tokens) -> Self {
        Self { tokens, failures: RateLimit::per_second(FAILURES_PER_SECOND) }
    }

    fn admit(&self, headers: &HeaderMap) -> Result<Client, ApiError> {
        let client = bearer_token(headers).and_then(|token| self.tokens.find(token));
        let Some(client) = client else {
            self.failures.take().map_err(ApiError::TooManyRequests)?;
            tracing::warn!(target: "larder", "admin request without a valid token");
            return Err(ApiError::Unauthorized);
        };
        client.requests.take().map_err(ApiError::TooManyRequests)?;
        Ok(client.clone())
    }
}

/// Answers with an error, unless the request has a token.
///
/// No answer may be stored by a cache, and a browser must not guess its type.
pub(crate) async fn authorize(
    State(gatekeeper): State<Arc<Gatekeeper>>,
    mut request: Request,
    next: Next,
) -> Response {
    let mut response = match gatekeeper.admit(request.headers()) {
        Ok(client) => {
            request.extensions_mut().insert(client);
            next.run(request).await
        }
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Returns the token of the field `Authorization` (RFC 6750 §2.1).
///
/// RFC 9110 §11.1: "a case-insensitive token to identify the authentication scheme".
fn bearer_token(headers: &HeaderMap) -> Option<&[u8]> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.as_bytes().split_at_checked("bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

/// A client that may read.
pub(crate) struct Reader(pub(crate) Client);

/// A client that may change things, by the name of its token.
pub(crate) struct Operator(pub(crate) Arc<str>);

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        client(parts, Role::Read).map(|client| Self(client.clone()))
    }
}

impl<S: Sync> FromRequestParts<S> for Operator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        client(parts, Role::Purge).map(|client| Self(Arc::clone(&client.name)))
    }
}

/// Returns the client that the middleware found, if it has this role.
fn client(parts: &Parts, role: Role) -> Result<&Client, ApiError> {
    let client = parts.extensions.get::<Client>().ok_or(ApiError::Unauthorized)?;
    if client.role < role { Err(ApiError::Forbidden) } else { Ok(client) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_that_of_the_one_bearer_field() {
        for (fields, expected) in [
            (&["Bearer abc"][..], Some(&b"abc"[..])),
            (&["bEARER abc"], Some(b"abc")),
            (&["Bearer "], Some(b"")),
            (&["Bearer"], None),
            (&["Basic abc"], None),
            (&["Bearer abc", "Bearer abc"], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(AUTHORIZATION, HeaderValue::from_static(field));
            }
            assert_eq!(bearer_token(&headers), expected, "{fields:?}");
        }
    }
}
