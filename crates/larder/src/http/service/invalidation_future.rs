//! The response future of the service that only invalidates.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http::Response;
use pin_project_lite::pin_project;

use crate::engine::invalidate::append::invalidate;
use crate::engine::shared::Engine;
use crate::http::response::invalidation_part::claim_invalidation;

/// A boxed future of a response.
type BoxAnswer<B, E> = Pin<Box<dyn Future<Output = Result<Response<B>, E>> + Send>>;

pin_project! {
    /// The response future of [`InvalidationService`](crate::InvalidationService).
    ///
    /// For a safe method, this polls the future of the inner service, and allocates only if the
    /// response has an invalidation. For an unsafe method, it polls a boxed future.
    pub struct InvalidationFuture<F, B, E> {
        #[pin]
        state: State<F, B, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B, E> {
        // The handler ends with its client, as without this layer.
        Attached { #[pin] inner: F, engine: Arc<Engine> },
        // A write, or a response that waits for its invalidation.
        Boxed { answer: BoxAnswer<B, E> },
    }
}

impl<F, B, E> InvalidationFuture<F, B, E> {
    pub(super) const fn attached(inner: F, engine: Arc<Engine>) -> Self {
        Self { state: State::Attached { inner, engine } }
    }

    pub(super) fn boxed(answer: impl Future<Output = Result<Response<B>, E>> + Send + 'static) -> Self {
        Self { state: State::Boxed { answer: Box::pin(answer) } }
    }
}

impl<F, B, E> Future for InvalidationFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Send + 'static,
    E: Send + 'static,
{
    type Output = Result<Response<B>, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().state.project() {
            StateProjection::Attached { inner, engine } => {
                let mut response = ready!(inner.poll(cx))?;
                let Some(invalidation) = claim_invalidation(engine, response.extensions_mut()) else {
                    return Poll::Ready(Ok(response));
                };
                let engine = Arc::clone(engine);
                self.set(Self::boxed(async move {
                    let _ = invalidate(&engine, invalidation).await;
                    Ok(response)
                }));
                self.poll(cx)
            }
            StateProjection::Boxed { answer } => answer.as_mut().poll(cx),
        }
    }
}

impl<F, B, E> std::fmt::Debug for InvalidationFuture<F, B, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Attached { .. } => "attached",
            State::Boxed { .. } => "boxed",
        };
        f.debug_tuple("InvalidationFuture").field(&state).finish()
    }
}
