//! The response future of the service.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::Body;
use larder_core::outcome::Outcome;
use pin_project_lite::pin_project;

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::http::body::CacheBody;
use crate::http::body::erased_body::ErasedBody;
use crate::http::body::service_bounds::ServiceResult;
use crate::http::erased_service::ErasedFuture;
use crate::http::layer_state::LayerState;
use crate::http::nesting::OuterRun;
use crate::http::response::invalidation_part::claim_invalidation;
use crate::http::response::served::Served;
use crate::http::serve;
use crate::http::serve::full_response::FullResponse;
use crate::http::serve::record::BypassTimer;

pin_project! {
    /// The response future of [`CacheService`](crate::CacheService).
    ///
    /// A hit in memory is ready at once, without a task or a boxed future. On a bypass, this polls
    /// the future of the inner service. In all other cases it polls a boxed future.
    pub struct ResponseFuture<F, B, E>
    where
        B: Body,
    {
        #[pin]
        state: State<F, B, E>,
    }
}

pin_project! {
    #[project = StateProjection]
    enum State<F, B, E>
    where
        B: Body,
    {
        // A complete response, such as a hit in memory. There is nothing to wait for.
        Ready { response: Option<FullResponse> },
        // A request that bypasses the cache. The inner service answers it.
        Bypass { #[pin] inner: F, end: Option<Box<Bypass>> },
        // A complete response that reports how it was served. It is boxed, so that the future of a
        // plain hit stays as small as it is.
        Reported { response: Option<Box<FullResponse>>, served: Option<Box<Served>> },
        // A request that waits for more than the inner service.
        Boxed { answer: ErasedFuture, types: PhantomData<fn() -> (B, E)> },
    }
}

/// The facts that a response needs whose request bypassed the cache.
///
/// They are boxed, so that the future of a hit, which axum's router puts on the heap, stays small.
pub(super) struct Bypass {
    pub(super) layer: Arc<LayerState>,
    pub(super) outcome: Outcome,
    pub(super) run: OuterRun,
    pub(super) served: Option<Box<Served>>,
    pub(super) timer: Option<BypassTimer>,
}

impl Bypass {
    // Not inline: polling the future of a hit would save more registers for it.
    #[inline(never)]
    pub(super) fn finish<B: Body<Data = Bytes>>(self, response: Response<B>) -> Response<CacheBody<B>> {
        if let Some(timer) = self.timer {
            timer.finish(&self.layer);
        }
        serve::bypassed(&self.layer, response, self.outcome, &self.run, self.served)
    }
}

/// Invalidates, and then finishes a response.
fn finish_invalidated(
    end: Box<Bypass>,
    response: Response<ErasedBody>,
    invalidation: Invalidation,
) -> ErasedFuture {
    Box::pin(async move {
        let _ = invalidate(&end.layer.engine, invalidation).await;
        Ok(end.finish(response))
    })
}

impl<F, B: Body, E> ResponseFuture<F, B, E> {
    #[inline]
    pub(super) const fn ready(response: FullResponse) -> Self {
        Self { state: State::Ready { response: Some(response) } }
    }

    /// Returns the future of a complete response, with the extension that it has, if any.
    pub(super) fn reported(response: FullResponse, served: Option<Box<Served>>) -> Self {
        match served {
            None => Self::ready(response),
            served => Self { state: State::Reported { response: Some(Box::new(response)), served } },
        }
    }

    pub(super) fn bypass(inner: F, end: Bypass) -> Self {
        Self { state: State::Bypass { inner, end: Some(Box::new(end)) } }
    }

    pub(super) fn boxed(answer: ErasedFuture) -> Self {
        Self { state: State::Boxed { answer, types: PhantomData } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B, E>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes, Error: Send> + Send + 'static,
    E: Send + 'static,
{
    type Output = ServiceResult<B, E>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match self.as_mut().project().state.project() {
            // A caller must not poll a future again after its end. If one does, this stays pending.
            StateProjection::Ready { response } => {
                response.take().map_or(Poll::Pending, |response| Poll::Ready(Ok(response.into_response())))
            }
            StateProjection::Reported { response, served } => {
                let (response, served) = (response.take(), served.take());
                response.map_or(Poll::Pending, |response| {
                    Poll::Ready(Ok(serve::attach(served, response.into_response())))
                })
            }
            StateProjection::Bypass { inner, end } => {
                let mut response = ready!(inner.poll(cx))?;
                let Some(end) = end.take() else { return Poll::Pending };
                let Some(invalidation) = claim_invalidation(&end.layer.engine, response.extensions_mut())
                else {
                    return Poll::Ready(Ok(end.finish(response)));
                };
                let response = response.map(ErasedBody::new);
                self.set(Self::boxed(finish_invalidated(end, response, invalidation)));
                self.poll(cx)
            }
            StateProjection::Boxed { answer, .. } => match ready!(answer.as_mut().poll(cx)) {
                Ok(response) => Poll::Ready(Ok(response.map(CacheBody::from_erased))),
                Err(error) => error.into_inner().map_or(Poll::Pending, |error| Poll::Ready(Err(error))),
            },
        }
    }
}

impl<F, B: Body, E> std::fmt::Debug for ResponseFuture<F, B, E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = match &self.state {
            State::Ready { .. } | State::Reported { .. } => "ready",
            State::Bypass { .. } => "bypass",
            State::Boxed { .. } => "boxed",
        };
        f.debug_tuple("ResponseFuture").field(&state).finish()
    }
}
