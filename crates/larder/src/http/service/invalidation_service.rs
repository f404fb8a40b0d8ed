//! The service that carries out the invalidations in responses, and caches nothing.

use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tower_service::Service;

use crate::engine::coalesce::clients::Clients;
use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::InvalidationOutcome;
use crate::engine::shared::Engine;
use crate::http::policy::invalidation_rules::InvalidationRules;
use crate::http::policy::read_your_writes::{ReadYourWrites, RequestToken};
use crate::http::response::invalidation_part::claim_invalidation;
use crate::http::service::before_lookup::set_token_of;
use crate::http::service::detached_write::{await_handler, run_write};
use crate::http::service::invalidation_future::InvalidationFuture;

/// A service that carries out the invalidations in responses, and caches nothing.
///
/// [`InvalidationLayer`](crate::InvalidationLayer) creates it. It adds no error of its own, and is
/// ready when the inner service is.
///
/// # Examples
///
/// ```
/// use larder::{Cache, InvalidationService};
/// use tower::Layer;
///
/// // Stands for any Tower service that answers HTTP requests.
/// #[derive(Clone)]
/// struct Origin;
///
/// let cache = Cache::default();
/// let service: InvalidationService<Origin> = cache.invalidation_layer().layer(Origin);
/// ```
#[derive(Debug, Clone)]
pub struct InvalidationService<S> {
    inner: S,
    engine: Arc<Engine>,
    own_writes: Option<Arc<ReadYourWrites>>,
    rules: InvalidationRules,
}

impl<S> InvalidationService<S> {
    pub(crate) fn new(inner: S, engine: Arc<Engine>, own_writes: Option<Arc<ReadYourWrites>>) -> Self {
        Self { inner, engine, own_writes, rules: InvalidationRules::default() }
    }
}

impl<S, Q, B> Service<Request<Q>> for InvalidationService<S>
where
    S: Service<Request<Q>, Response = Response<B>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = InvalidationFuture<S::Future, B, S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<Q>) -> Self::Future {
        let engine = Arc::clone(&self.engine);
        if !self.rules.is_write(request.method()) {
            return InvalidationFuture::attached(self.inner.call(request), engine);
        }
        let token = self.own_writes.as_ref().and_then(|options| options.take(request.headers_mut()));
        let write = TrackedWrite { engine, own_writes: self.own_writes.clone(), token };
        InvalidationFuture::boxed(write.answer(self.inner.call(request)))
    }
}

/// A request with an unsafe method that was passed on to the inner service.
struct TrackedWrite {
    engine: Arc<Engine>,
    own_writes: Option<Arc<ReadYourWrites>>,
    /// The token of the request.
    token: Option<RequestToken>,
}

impl TrackedWrite {
    /// Waits for the response and for its invalidation, in a task of their own.
    ///
    /// Without the task, a client that disconnects between the commit and the invalidation would
    /// leave stored responses that are wrong for the rest of their lifetime.
    async fn answer<B, E>(
        self,
        response: impl Future<Output = Result<Response<B>, E>> + Send + 'static,
    ) -> Result<Response<B>, E>
    where
        B: Send + 'static,
        E: Send + 'static,
    {
        let engine = Arc::clone(&self.engine);
        run_write(&engine.background, |clients| self.run_to_completion(response, clients)).await
    }

    /// Waits for the response, then invalidates. Returns `None` if the handler was cancelled.
    async fn run_to_completion<B, E>(
        self,
        response: impl Future<Output = Result<Response<B>, E>>,
        clients: Clients,
    ) -> Option<Result<Response<B>, E>> {
        let Self { engine, own_writes, token } = self;
        let mut response = match await_handler(&engine.background, &clients, response).await? {
            Ok(response) => response,
            Err(error) => return Some(Err(error)),
        };
        let mut outcome = None;
        if let Some(invalidation) = claim_invalidation(&engine, response.extensions_mut()) {
            outcome = Some(invalidate(&engine, invalidation).await);
        }
        if let Some(own_writes) = &own_writes {
            let applied = outcome == Some(InvalidationOutcome::Applied);
            set_token_of(&engine, own_writes, response.headers_mut(), token, applied);
        }
        Some(Ok(response))
    }
}
