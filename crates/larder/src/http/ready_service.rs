//! The inner service of a request, with or without a reservation.

use std::future::poll_fn;

use tower_service::Service;

/// The inner service, as a request owns it.
///
/// If it was polled ready, it has a reservation, and other requests may have to wait.
pub(crate) struct ReadyService<S> {
    service: S,
    ready: bool,
}

impl<S: Clone> ReadyService<S> {
    pub(crate) const fn new(service: S) -> Self {
        Self { service, ready: true }
    }

    /// Gives up the reservation made by `poll_ready`.
    ///
    /// A follower never calls the inner service, so it must not occupy a slot: behind a
    /// `ConcurrencyLimit` of 2, one slow fill and one follower would block every other key.
    pub(crate) fn release(&mut self) {
        self.service = self.service.clone();
        self.ready = false;
    }

    /// Returns the service, ready to be called.
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
