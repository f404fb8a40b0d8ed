//! The inner service of a request, and how it is called.

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use tower_service::Service;

/// The inner service, as a request owns it.
///
/// It is polled ready only right before it is called. A request that waits for something else has
/// no reservation: behind a `ConcurrencyLimit` of 2, one slow fill and one follower would otherwise
/// block every other key.
pub(crate) struct ReadyService<S>(S);

impl<S> ReadyService<S> {
    pub(crate) const fn new(service: S) -> Self {
        Self(service)
    }

    pub(crate) const fn get_ref(&self) -> &S {
        &self.0
    }

    /// Returns the service, ready to be called.
    pub(crate) async fn ready<R>(mut self) -> Result<S, S::Error>
    where
        S: Service<R>,
    {
        poll_fn(|cx| self.0.poll_ready(cx)).await?;
        Ok(self.0)
    }
}

/// A call of the inner service.
pub(crate) enum Call<S: Service<R>, R> {
    /// The service was ready and has been called.
    Begun(S::Future),
    /// The service is not ready yet.
    Waiting(ReadyService<S>, R),
    /// The service has failed.
    Failed(S::Error),
}

impl<S: Service<R> + Clone, R> Call<S, R> {
    /// Calls the service at once if it is ready.
    ///
    /// Most services are always ready, so most calls need no boxed future. The service that was
    /// polled is the one that is called, and a clone takes its place if the call has to wait.
    pub(crate) fn begin(service: &mut S, request: R) -> Self {
        // A service that is not ready is polled again, with the waker of the request.
        match service.poll_ready(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(())) => Self::Begun(service.call(request)),
            Poll::Ready(Err(error)) => Self::Failed(error),
            Poll::Pending => {
                let clone = service.clone();
                Self::Waiting(ReadyService::new(std::mem::replace(service, clone)), request)
            }
        }
    }

    /// Returns the response.
    pub(crate) async fn finish(self) -> Result<S::Response, S::Error> {
        match self {
            Self::Begun(response) => response.await,
            Self::Waiting(service, request) => service.ready().await?.call(request).await,
            Self::Failed(error) => Err(error),
        }
    }
}
