//! The extension that reports how a request was answered.

use std::sync::Arc;
use std::time::Duration;

use larder_core::outcome::{Outcome, Tier};

/// How the cache answered a request, as an extension of the response.
///
/// A layer around the cache finds it there, and does not have to parse header fields. It is only
/// inserted if the [policy](crate::Policy::served_extension) or the
/// [cache](crate::CacheBuilder::served_extension) asks for it. If the inner service returns an error
/// instead of a response, there is no extension.
///
/// If several layers are nested, the extension is that of the innermost one, which handles the
/// request.
///
/// # Examples
///
/// ```
/// use axum::extract::Request;
/// use axum::middleware::{Next, from_fn};
/// use axum::response::Response;
/// use axum::{Router, routing::get};
/// use larder::{Cache, Policy, Served, ttl};
///
/// async fn log(request: Request, next: Next) -> Response {
///     let response = next.run(request).await;
///     if let Some(served) = response.extensions().get::<Served>() {
///         println!("{}: {} ({})", served.route, served.outcome.as_str(), served.outcome.reason());
///     }
///     response
/// }
///
/// let cache = Cache::builder().served_extension().build();
/// let app: Router = Router::new()
///     .route("/", get(async || "hello").layer(cache.layer(Policy::ttl(ttl::STANDARD))))
///     .layer(from_fn(log));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served {
    /// The outcome of the request, and the reason for it.
    ///
    /// A request that shared the fill of another one is a miss.
    pub outcome: Outcome,
    /// The tier in which the response was found. `None` if it was not a stored one.
    pub tier: Option<Tier>,
    /// The age of the response (RFC 9111 §4.2.3), if it has an `Age` of this cache.
    ///
    /// `None` if the handler made the response for this request.
    pub age: Option<Duration>,
    /// The remaining freshness lifetime. Zero for a stale response.
    ///
    /// `None` if the response is not stored.
    pub ttl: Option<Duration>,
    /// The [name of the policy](crate::Policy::name), or the path that axum matched, or `unnamed`.
    pub route: Arc<str>,
}
