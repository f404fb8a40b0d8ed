//! What axum knows of a request's route; nothing, without axum.

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;

/// The request's whole URI. Below `Router::nest` a service sees only the rest of its path, so that two nested routers
/// would share their keys.
#[cfg(feature = "axum")]
pub(crate) fn whole_uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

/// Hands over every form in which the request's handler can find its URI.
pub(crate) fn for_each_uri(parts: &mut Parts, mut change: impl FnMut(&mut Uri)) {
    change(&mut parts.uri);
    #[cfg(feature = "axum")]
    if let Some(original) = parts.extensions.get_mut::<axum::extract::OriginalUri>() {
        change(&mut original.0);
    }
}

/// The request's URI.
#[cfg(not(feature = "axum"))]
pub(crate) fn whole_uri(parts: &Parts) -> &Uri {
    &parts.uri
}

/// The path that the request was routed by: `/products/{id}`.
#[cfg(feature = "axum")]
pub(crate) fn matched_path(parts: &Parts) -> Option<&str> {
    parts.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

/// Only axum tells by which path a request was routed.
#[cfg(not(feature = "axum"))]
pub(crate) fn matched_path(_: &Parts) -> Option<&str> {
    None
}

/// The path parameters of a request.
pub(crate) struct PathParams {
    #[cfg(feature = "axum")]
    raw: Option<axum::extract::RawPathParams>,
}

impl PathParams {
    /// Reads them from what axum's router left in the extensions.
    #[cfg(feature = "axum")]
    pub(crate) fn of(parts: &mut Parts) -> Self {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use axum::extract::{FromRequestParts, RawPathParams};

        let extract = pin!(RawPathParams::from_request_parts(parts, &()));
        // It never waits; were that to change, templates would find no parameters, and requests go past the cache.
        let raw = match extract.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(raw) => raw.ok(),
            Poll::Pending => None,
        };
        Self { raw }
    }

    /// Without axum nobody tells them.
    #[cfg(not(feature = "axum"))]
    pub(crate) fn of(_: &mut Parts) -> Self {
        Self {}
    }

    /// None at all, for a policy that asks for none.
    #[cfg(feature = "axum")]
    pub(crate) const fn none() -> Self {
        Self { raw: None }
    }

    /// None at all.
    #[cfg(not(feature = "axum"))]
    pub(crate) const fn none() -> Self {
        Self {}
    }

    /// The percent-decoded value of a parameter.
    #[cfg(feature = "axum")]
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.raw.as_ref()?;
        raw.iter().find(|(known, _)| *known == name).map(|(_, value)| Cow::Borrowed(value))
    }

    /// There are none.
    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self)] // The same signature with and without axum.
    pub(crate) fn get(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}
