//! The place that a request has in the inner service.

use std::future::poll_fn;

use tower_service::Service;

/// The inner service, as a request holds it: polled ready, so that others may have to wait for its place, or not.
pub(crate) struct ReadyService<S> {
    service: S,
    ready: bool,
}

impl<S: Clone> ReadyService<S> {
    pub(crate) const fn new(service: S) -> Self {
        Self { service, ready: true }
    }

    /// Gives the place back. Who waits for another request's fill needs none, and must not keep those with other keys from
    /// it: behind a limit of two, one slow fill and one that waits for it would be all that goes on.
    pub(crate) fn release(&mut self) {
        self.service = self.service.clone();
        self.ready = false;
    }

    /// The service, ready to be called.
    pub(crate) async fn ready<R>(mut self) -> Result<S, S::Error>
    where
        S: Service<R>,
    {
        if !self.ready {
            poll_fn(|cx| self.service.poll_ready(cx)).await?;
        }
        Ok(self.service)
    }
}
