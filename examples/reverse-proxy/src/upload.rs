//! The body of a request on its way to the origin.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Instant;

use crate::patient::{BodyError, Patient};

/// A body that tells how it gets on, so that the origin is given its time only from when it has something to answer.
#[derive(Debug)]
pub(crate) struct Upload {
    body: Patient,
    progress: Arc<Progress>,
}

/// Whose turn it is, and since when.
#[derive(Debug)]
pub(crate) struct Progress(Mutex<State>);

#[derive(Debug, Clone, Copy)]
struct State {
    since: Instant,
    at_the_client: bool,
}

impl Upload {
    pub(crate) fn new(body: Incoming, limit: Duration) -> (Self, Arc<Progress>) {
        let state = State { since: Instant::now(), at_the_client: false };
        let progress = Arc::new(Progress(Mutex::new(state)));
        (Self { body: Patient::new(body, limit), progress: Arc::clone(&progress) }, progress)
    }
}

impl Progress {
    /// Since when it is the origin's turn; `None` while the client has yet to send more.
    pub(crate) fn at_the_origin_since(&self) -> Option<Instant> {
        let state = self.state();
        (!state.at_the_client).then_some(state.since)
    }

    fn now(&self, at_the_client: bool) {
        *self.state() = State { since: Instant::now(), at_the_client };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        this.progress.now(polled.is_pending());
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
