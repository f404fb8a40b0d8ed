//! A body that runs a script.

use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use crate::Gate;

/// One step of a scripted body.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Step {
    /// Yields a frame with these bytes.
    Data(Bytes),
    /// Yields a frame with these trailer fields.
    Trailers(HeaderMap),
    /// Yields nothing until the gate is open.
    Hold(Gate),
    /// Fails with this message, and ends the body.
    Fail(String),
    /// Yields nothing more, but does not end the body.
    Stall,
    /// Yields frames with these bytes forever.
    Repeat(Bytes),
}

impl Step {
    /// Creates a [`Step::Data`] from anything that converts to bytes.
    #[must_use]
    pub fn data(bytes: impl Into<Bytes>) -> Self {
        Self::Data(bytes.into())
    }

    /// Creates a [`Step::Fail`] from anything that converts to a string.
    #[must_use]
    pub fn fail(message: impl Into<String>) -> Self {
        Self::Fail(message.into())
    }
}

/// The body of an [`Answer`](crate::Answer).
pub struct AnswerBody {
    steps: VecDeque<Step>,
    /// Whether the length of the body is announced, because the steps contain the whole body.
    sized: bool,
    held: Option<Pin<Box<dyn Future<Output = ()> + Send + Sync>>>,
}

impl AnswerBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        let steps = if bytes.is_empty() { None } else { Some(Step::Data(bytes)) };
        Self { sized: true, ..Self::steps(steps) }
    }

    pub(super) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        Self { steps: steps.into_iter().collect(), sized: false, held: None }
    }

    fn poll_held(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(held) = &mut self.held {
            ready!(held.as_mut().poll(cx));
            self.held = None;
        }
        Poll::Ready(())
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            ready!(self.poll_held(cx));
            let Some(step) = self.steps.pop_front() else {
                return Poll::Ready(None);
            };
            match step {
                Step::Data(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Step::Trailers(fields) => return Poll::Ready(Some(Ok(Frame::trailers(fields)))),
                Step::Hold(gate) => self.held = Some(Box::pin(async move { gate.pass().await })),
                Step::Fail(message) => {
                    self.steps.clear();
                    return Poll::Ready(Some(Err(BodyError(message))));
                }
                Step::Stall => self.held = Some(Box::pin(std::future::pending())),
                Step::Repeat(bytes) => {
                    self.steps.push_front(Step::Repeat(bytes.clone()));
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty() && self.held.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if !self.sized {
            return SizeHint::default();
        }
        let left = self.steps.front().map_or(0, |step| match step {
            Step::Data(bytes) => bytes.len() as u64,
            _ => 0,
        });
        SizeHint::with_exact(left)
    }
}

impl Clone for AnswerBody {
    /// Clones the script. Clone a body only before it is polled.
    fn clone(&self) -> Self {
        Self { steps: self.steps.clone(), sized: self.sized, held: None }
    }
}

impl fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.steps).finish()
    }
}

/// The error of a [`Step::Fail`]. Its `Display` output is the message of that step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyError(String);

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for BodyError {}
