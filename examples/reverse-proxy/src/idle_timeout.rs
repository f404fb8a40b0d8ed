//! A body with a limit on pauses.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Sleep, sleep};

/// Fails once its sender has paused for too long. A response that fails is cut off for its client
/// too, and is not stored: RFC 9112 §8 calls it incomplete.
#[derive(Debug)]
pub(crate) struct IdleTimeoutBody {
    body: Incoming,
    limit: Duration,
    /// Runs while there is nothing to read.
    timer: Option<Pin<Box<Sleep>>>,
}

/// The error of a body whose sender stopped in the middle.
#[derive(Debug)]
pub(crate) struct IdleTimeout;

pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

impl IdleTimeoutBody {
    pub(crate) const fn new(body: Incoming, limit: Duration) -> Self {
        Self { body, limit, timer: None }
    }
}

impl Body for IdleTimeoutBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        let timer = this.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        timer.as_mut().poll(cx).map(|()| Some(Err(IdleTimeout.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl fmt::Display for IdleTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a body stopped coming")
    }
}

impl std::error::Error for IdleTimeout {}
