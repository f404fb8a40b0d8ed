//! Explaining a request: what the cache would do with it now, and why.

use std::error::Error;
use std::future::poll_fn;
use std::sync::Arc;

use http::{Request, Response};
use tower_service::Service;

use crate::cache::Cache;
use crate::http::explanation::answer::Explanation;
use crate::http::explanation::explain_error::ExplainError;
use crate::http::explanation::explain_slot::ExplainSlot;
use crate::http::nesting::OuterRun;

/// Explaining requests.
impl Cache {
    /// Explains what this cache would do with a request now, and why.
    ///
    /// `service` is the application, such as an axum `Router` whose routes have layers of this
    /// cache. The request goes through it, because only the application knows the route, the path
    /// parameters and the policy. It is marked with an extension that no client can set. The layer
    /// that would handle the request answers in place of the handler. The functions that decide are
    /// those that serve. So give the request what a real one has: its `Host`, its cookies, and the
    /// extensions that a policy reads.
    ///
    /// An explanation leaves no trace: it fills, stores and counts nothing, and it does not count
    /// as a use of a stored response. It reads the shared store, and waits for a consistency token
    /// like a real request. The layers around the cache run, such as authentication and logs.
    ///
    /// The values of cookies, of `Authorization` and of the fields of
    /// [`CacheBuilder::credentials`](crate::CacheBuilder::credentials) do not appear in it. But it
    /// shows what is cached for a request, so it is for operators only.
    ///
    /// It asks for no lease, because that would be a trace. So it does not know whether another
    /// instance runs the handler at this moment, or whether the handler has just failed there.
    ///
    /// # Routes without a layer
    ///
    /// If a route has no layer of this cache, nothing is there to answer in place of the handler:
    /// **the handler runs**, and the result is an error. Only requests with safe methods (RFC 9110
    /// §9.2.1) are sent, so a handler that keeps to that changes nothing.
    ///
    /// # Nested layers
    ///
    /// The innermost layer explains the request, as it would handle it. Until a route has answered
    /// once, an outer layer sometimes cannot know whether there is one further in. It explains the
    /// request itself then, and sets [`may_be_nested`](Explanation::may_be_nested). A request that a
    /// layer of another cache handles has the outcome `bypass`, with the reason `nested`.
    ///
    /// # Errors
    ///
    /// Returns an error if the method is unsafe, if the request reaches no layer of this cache, or
    /// if the service fails.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use axum::body::Body;
    /// use axum::http::Request;
    /// use axum::{Router, routing::get};
    /// use larder::{Cache, Policy, ttl};
    ///
    /// let cache = Cache::default();
    /// let layer = cache.layer(Policy::ttl(ttl::STANDARD).tag("product:{id}"));
    /// let app: Router = Router::new().route("/products/{id}", get(async || "a product").layer(layer));
    ///
    /// let request = Request::get("/products/7").body(Body::empty())?;
    /// let explanation = cache.explain(app, request).await?;
    /// assert_eq!(explanation.outcome.reason(), "never-stored");
    /// assert_eq!(explanation.names.as_ref().map(|names| &*names.tags), Some(&["product:7".to_owned()][..]));
    /// println!("{explanation}");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn explain<S, Q, B>(
        &self,
        service: S,
        mut request: Request<Q>,
    ) -> Result<Explanation, ExplainError>
    where
        S: Service<Request<Q>, Response = Response<B>, Error: Into<Box<dyn Error + Send + Sync>>>,
    {
        if !request.method().is_safe() {
            return Err(ExplainError::unsafe_method());
        }
        let slot = ExplainSlot::new(Arc::clone(&self.engine));
        request.extensions_mut().insert(OuterRun::of_explained(slot.clone()));
        let answered = call(service, request).await;
        match (slot.take(), answered) {
            (Some(explanation), _) => Ok(explanation),
            (None, Ok(response)) => Err(ExplainError::no_cache_layer(response.status())),
            (None, Err(error)) => Err(ExplainError::service(error.into())),
        }
    }
}

async fn call<S: Service<R>, R>(mut service: S, request: R) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(request).await
}
