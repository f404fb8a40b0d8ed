//! Reading a body that is to be stored.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame};
use larder_core::outcome::NotStored;
use tokio::time::{Instant, timeout_at};

use super::arriving::Writer;
use super::tee::Tee;

/// A body, as far as it was read.
pub(super) struct Collector<B: Body> {
    body: Pin<Box<B>>,
    read: Vec<Bytes>,
    size: usize,
    limit: usize,
}

/// What reading without waiting came to.
pub(super) enum AtOnce<B: Body> {
    /// The whole body was there.
    Whole(Bytes),
    /// More is to come, or it is not for storing: the client has to be given a body that is read as it comes.
    Pending(Collector<B>, Option<Step<B>>),
}

/// So long may a body take, from the head of its response to its end, and still be stored. Others wait for it, and where
/// its client has left nobody else would end it: a stream that never ends must hold up neither.
const LONGEST: Duration = Duration::from_secs(10);

/// What a frame came to.
pub(super) enum Step<B: Body> {
    Data(Bytes),
    End,
    Trailers(Frame<Bytes>),
    TooLarge(Bytes),
    TooSlow,
    Failed(B::Error),
}

impl<B: Body> Step<B> {
    /// Why a body with this in it is not stored, if it is not.
    pub(super) const fn forbids(&self) -> Option<NotStored> {
        match self {
            Self::Data(_) | Self::End => None,
            Self::Trailers(_) => Some(NotStored::Trailers),
            Self::TooLarge(_) => Some(NotStored::TooLarge),
            Self::TooSlow => Some(NotStored::Endless),
            Self::Failed(_) => Some(NotStored::BodyError),
        }
    }
}

impl<B: Body<Data = Bytes>> Collector<B> {
    pub(super) fn new(body: B, limit: usize) -> Self {
        Self { body: Box::pin(body), read: Vec::new(), size: 0, limit }
    }

    /// Reads what is there without waiting: most bodies of handlers are there whole, and need no detour.
    pub(super) async fn at_once(mut self) -> AtOnce<B> {
        loop {
            let frame = poll_fn(|cx| Poll::Ready(self.body.as_mut().poll_frame(cx))).await;
            let Poll::Ready(frame) = frame else {
                return AtOnce::Pending(self, None);
            };
            match self.take(frame) {
                Step::Data(_) => {}
                Step::End => return AtOnce::Whole(self.into_bytes()),
                other => return AtOnce::Pending(self, Some(other)),
            }
        }
    }

    /// What was read so far.
    pub(super) fn so_far(&self) -> &[Bytes] {
        &self.read
    }

    /// Reads the rest, passing each frame on, to those who follow too; the clean end is left to be told.
    ///
    /// # Errors
    /// If the body is not for storing. The client gets the rest of it all the same.
    pub(super) async fn rest(
        mut self,
        first: Option<Step<B>>,
        tee: Tee<B>,
        followers: Option<&Writer>,
    ) -> Result<(Bytes, Tee<B>), NotStored> {
        let deadline = Instant::now() + LONGEST;
        let mut step = first;
        loop {
            let next = match step.take() {
                Some(step) => step,
                None => {
                    let frame = poll_fn(|cx| self.body.as_mut().poll_frame(cx));
                    match timeout_at(deadline, frame).await {
                        Ok(frame) => self.take(frame),
                        Err(_) => Step::TooSlow,
                    }
                }
            };
            match next {
                Step::Data(data) => {
                    if let Some(followers) = followers {
                        followers.push(data.clone());
                    }
                    tee.push(Frame::data(data));
                }
                Step::End => return Ok((self.into_bytes(), tee)),
                Step::Trailers(trailers) => {
                    tee.push(trailers);
                    tee.hand_over(self.body);
                    return Err(NotStored::Trailers);
                }
                Step::TooLarge(data) => {
                    tee.push(Frame::data(data));
                    tee.hand_over(self.body);
                    return Err(NotStored::TooLarge);
                }
                Step::TooSlow => {
                    tee.hand_over(self.body);
                    return Err(NotStored::Endless);
                }
                Step::Failed(error) => {
                    tee.fail(error);
                    return Err(NotStored::BodyError);
                }
            }
        }
    }

    fn take(&mut self, frame: Option<Result<Frame<Bytes>, B::Error>>) -> Step<B> {
        match frame {
            None => Step::End,
            Some(Err(error)) => Step::Failed(error),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.len() > self.limit - self.size => Step::TooLarge(data),
                Ok(data) => {
                    self.size += data.len();
                    self.read.push(data.clone());
                    Step::Data(data)
                }
                Err(trailers) => Step::Trailers(trailers),
            },
        }
    }

    /// The whole body in a buffer of just its size: what a handler wrote it into may be much larger, and would live as
    /// long as the response is held.
    fn into_bytes(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.size);
        for part in &self.read {
            whole.extend_from_slice(part);
        }
        whole.into()
    }
}
