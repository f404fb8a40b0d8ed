//! The facts that axum knows about the route of a request. Without axum there are none.

use std::borrow::Cow;

use http::Uri;
use http::request::Parts;

/// Returns the whole URI of the request.
///
/// Below `Router::nest`, `parts.uri` has only the rest of the path. If keys were made from it, two
/// nested routers would share them.
#[cfg(feature = "axum")]
pub(crate) fn whole_uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

/// Changes every form of the URI that the handler can find in the request.
pub(crate) fn for_each_uri(parts: &mut Parts, mut change: impl FnMut(&mut Uri)) {
    change(&mut parts.uri);
    #[cfg(feature = "axum")]
    if let Some(original) = parts.extensions.get_mut::<axum::extract::OriginalUri>() {
        change(&mut original.0);
    }
}

/// Returns the URI of the request.
#[cfg(not(feature = "axum"))]
pub(crate) fn whole_uri(parts: &Parts) -> &Uri {
    &parts.uri
}

/// Returns the path that the request was routed by: `/products/{id}`.
#[cfg(feature = "axum")]
pub(crate) fn matched_path(parts: &Parts) -> Option<&str> {
    parts.extensions.get::<axum::extract::MatchedPath>().map(axum::extract::MatchedPath::as_str)
}

/// Returns `None`: only axum knows the path that a request was routed by.
#[cfg(not(feature = "axum"))]
pub(crate) fn matched_path(_: &Parts) -> Option<&str> {
    None
}

/// The path that a request was routed by, beyond the life of the request. A copy shares the text.
#[cfg(feature = "axum")]
pub(crate) struct MatchedRoute(Option<axum::extract::MatchedPath>);

/// Nothing: only axum knows the path that a request was routed by.
#[cfg(not(feature = "axum"))]
pub(crate) struct MatchedRoute;

impl MatchedRoute {
    /// Returns the path that this request was routed by.
    #[cfg(feature = "axum")]
    pub(crate) fn of(parts: &Parts) -> Self {
        Self(parts.extensions.get().cloned())
    }

    /// Returns nothing.
    #[cfg(not(feature = "axum"))]
    pub(crate) const fn of(_: &Parts) -> Self {
        Self
    }

    /// Returns the path, or an empty text without one.
    #[cfg(feature = "axum")]
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("", axum::extract::MatchedPath::as_str)
    }

    /// Returns an empty text.
    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self)] // The same signature with and without axum.
    pub(crate) const fn as_str(&self) -> &str {
        ""
    }
}

/// Whether a router of axum passed the request on.
#[cfg(feature = "axum")]
#[inline]
pub(crate) fn is_routed(parts: &Parts) -> bool {
    parts.extensions.get::<axum::extract::OriginalUri>().is_some()
}

/// Returns `false`: only axum has routers.
#[cfg(not(feature = "axum"))]
pub(crate) const fn is_routed(_: &Parts) -> bool {
    false
}

/// Whether a router found no route for the request, and its fallback handles it.
#[cfg(feature = "axum")]
pub(crate) fn is_router_fallback(parts: &Parts) -> bool {
    matched_path(parts).is_none() && is_routed(parts)
}

/// Returns `false`: only axum has routers.
#[cfg(not(feature = "axum"))]
pub(crate) const fn is_router_fallback(_: &Parts) -> bool {
    false
}

/// The path parameters of a request.
pub(crate) struct PathParams {
    #[cfg(feature = "axum")]
    raw: Option<axum::extract::RawPathParams>,
}

impl PathParams {
    /// Reads the parameters that axum's router left in the extensions.
    #[cfg(feature = "axum")]
    pub(crate) fn of(parts: &mut Parts) -> Self {
        use std::pin::pin;
        use std::task::{Context, Poll, Waker};

        use axum::extract::{FromRequestParts, RawPathParams};

        let extract = pin!(RawPathParams::from_request_parts(parts, &()));
        // The extractor never waits. If that changed, templates would find no parameters, and their
        // requests would bypass the cache.
        let raw = match extract.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(raw) => raw.ok(),
            Poll::Pending => None,
        };
        Self { raw }
    }

    /// Returns no parameters: only axum knows them.
    #[cfg(not(feature = "axum"))]
    pub(crate) fn of(_: &mut Parts) -> Self {
        Self {}
    }

    /// Returns no parameters, for a policy that needs none.
    #[cfg(feature = "axum")]
    pub(crate) const fn none() -> Self {
        Self { raw: None }
    }

    /// Returns no parameters.
    #[cfg(not(feature = "axum"))]
    pub(crate) const fn none() -> Self {
        Self {}
    }

    /// Returns the percent-decoded value of a parameter.
    #[cfg(feature = "axum")]
    pub(crate) fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        let raw = self.raw.as_ref()?;
        raw.iter().find(|(param, _)| *param == name).map(|(_, value)| Cow::Borrowed(value))
    }

    /// Returns `None`: there are no parameters.
    #[cfg(not(feature = "axum"))]
    #[allow(clippy::unused_self)] // The same signature with and without axum.
    pub(crate) fn get(&self, _: &str) -> Option<Cow<'_, str>> {
        None
    }
}
