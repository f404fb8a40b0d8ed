//! Reading a body that is to be stored.

#[cfg(test)]
mod tests;

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use larder_core::outcome::NotStored;
use tokio::time::{Instant, sleep_until};

use crate::http::body::shared_body::SharedBodyWriter;
use crate::http::body::tee::Tee;

/// A body, and the data that was read from it so far.
pub(crate) struct Collector<B: Body> {
    body: Pin<Box<B>>,
    /// The size hint of the body before any of it was read.
    hint: SizeHint,
    read: Vec<Bytes>,
    size: usize,
    limit: usize,
}

/// The result of reading without waiting.
pub(crate) enum CollectNow<B: Body> {
    /// The whole body was available.
    Complete(Collector<B>),
    /// More is to come, or the body is not storable. The client gets a body that streams.
    Pending(Collector<B>, Option<BodyStep<B>>),
}

/// The maximum time from the head of a response to the end of its body, if it is to be stored.
///
/// A stream that never ends must not hold up other requests. If its client has left, nothing else
/// would end it.
const MAX_BODY_TIME: Duration = Duration::from_secs(10);
/// The same for a body of known length, which is certain to end.
///
/// No part of it may take longer than [`MAX_BODY_TIME`].
const MAX_KNOWN_BODY_TIME: Duration = Duration::from_secs(600);

/// One step of reading a body.
pub(crate) enum BodyStep<B: Body> {
    Data(Bytes),
    End,
    Trailers(Frame<Bytes>),
    TooLarge(Bytes),
    TooSlow,
    Abandoned,
    Failed(B::Error),
}

impl<B: Body> BodyStep<B> {
    /// Returns why a body with this step is not stored. `None` if it may be.
    pub(crate) const fn not_stored_reason(&self) -> Option<NotStored> {
        match self {
            Self::Data(_) | Self::End => None,
            Self::Trailers(_) => Some(NotStored::Trailers),
            Self::TooLarge(_) => Some(NotStored::TooLarge),
            Self::TooSlow => Some(NotStored::Endless),
            Self::Abandoned => Some(NotStored::Abandoned),
            Self::Failed(_) => Some(NotStored::BodyError),
        }
    }
}

/// The length and the followers of a body while the rest of it is read.
pub(crate) struct BodyReading<'a> {
    /// Followers that stream the body.
    pub(crate) followers: Option<SharedBodyWriter>,
    /// The length of the body, if it is known.
    pub(crate) length: Option<u64>,
    /// The moment at which followers stop waiting for the end, and the function that releases them.
    pub(crate) release: Option<(Instant, &'a mut (dyn FnMut() + Send))>,
}

impl BodyReading<'_> {
    /// Releases followers whose time is up. Returns when to check again.
    fn release_deadline(&mut self, now: Instant) -> Option<Instant> {
        let (at, release) = self.release.as_mut()?;
        if *at > now {
            return Some(*at);
        }
        release();
        self.release = None;
        None
    }

    /// Passes data on to followers.
    ///
    /// If the body is longer than its response has stated, they get no more.
    fn push(&mut self, data: &Bytes, size: usize) {
        if self.length.is_some_and(|length| size as u64 > length) {
            self.followers = None;
        }
        if let Some(followers) = &self.followers {
            followers.push(data.clone());
        }
    }
}

impl<B: Body<Data = Bytes>> Collector<B> {
    pub(crate) fn new(body: B, limit: usize) -> Self {
        let hint = body.size_hint();
        Self { body: Box::pin(body), hint, read: Vec::new(), size: 0, limit }
    }

    /// The size hint of the body before any of it was read.
    pub(crate) const fn hint(&self) -> SizeHint {
        self.hint
    }

    /// Reads the data that is available, without waiting.
    ///
    /// Most handlers return a body that is available as a whole. It needs no [`Tee`].
    pub(crate) async fn poll_now(mut self) -> CollectNow<B> {
        loop {
            let frame = poll_fn(|cx| Poll::Ready(self.body.as_mut().poll_frame(cx))).await;
            let Poll::Ready(frame) = frame else {
                return CollectNow::Pending(self, None);
            };
            match self.accept(frame) {
                BodyStep::Data(_) => {}
                BodyStep::End => return CollectNow::Complete(self),
                other => return CollectNow::Pending(self, Some(other)),
            }
        }
    }

    /// Returns the data that was read so far.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        &self.read
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// Reads the rest, and passes each frame on to the client and to followers.
    ///
    /// The clean end is left to the caller.
    ///
    /// # Errors
    ///
    /// If the body is not to be stored. The client still gets the rest of it.
    pub(crate) async fn collect_rest(
        mut self,
        first: Option<BodyStep<B>>,
        tee: Tee<B>,
        reading: &mut BodyReading<'_>,
        abandoned: impl Future<Output = ()>,
    ) -> Result<(Bytes, Tee<B>), NotStored> {
        let begun = Instant::now();
        let mut deadline = begun + MAX_BODY_TIME;
        let mut abandoned = pin!(abandoned);
        let mut step = first;
        loop {
            let next = match step.take() {
                Some(step) => step,
                None => self.next(deadline, reading, abandoned.as_mut()).await,
            };
            let reason = next.not_stored_reason();
            match next {
                BodyStep::Data(data) => {
                    reading.push(&data, self.size);
                    tee.push(Frame::data(data));
                    if reading.length.is_some() {
                        deadline = (Instant::now() + MAX_BODY_TIME).min(begun + MAX_KNOWN_BODY_TIME);
                    }
                    continue;
                }
                BodyStep::End => return Ok((self.into_bytes(), tee)),
                BodyStep::Trailers(trailers) => {
                    tee.push(trailers);
                    tee.hand_over(self.body);
                }
                BodyStep::TooLarge(data) => {
                    tee.push(Frame::data(data));
                    tee.hand_over(self.body);
                }
                BodyStep::TooSlow => tee.hand_over(self.body),
                BodyStep::Failed(error) => tee.fail(error),
                BodyStep::Abandoned => {}
            }
            return Err(reason.unwrap_or(NotStored::BodyError));
        }
    }

    async fn next(
        &mut self,
        deadline: Instant,
        reading: &mut BodyReading<'_>,
        mut abandoned: Pin<&mut impl Future<Output = ()>>,
    ) -> BodyStep<B> {
        loop {
            let now = Instant::now();
            let wake = reading.release_deadline(now).map_or(deadline, |release_at| release_at.min(deadline));
            let frame = poll_fn(|cx| self.body.as_mut().poll_frame(cx));
            tokio::select! {
                biased;
                frame = frame => return self.accept(frame),
                () = abandoned.as_mut() => return BodyStep::Abandoned,
                () = sleep_until(wake) => {
                    if wake == deadline {
                        return BodyStep::TooSlow;
                    }
                }
            }
        }
    }

    fn accept(&mut self, frame: Option<Result<Frame<Bytes>, B::Error>>) -> BodyStep<B> {
        match frame {
            None => BodyStep::End,
            Some(Err(error)) => BodyStep::Failed(error),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.len() > self.limit - self.size => BodyStep::TooLarge(data),
                Ok(data) => {
                    self.size += data.len();
                    self.read.push(data.clone());
                    BodyStep::Data(data)
                }
                Err(trailers) => BodyStep::Trailers(trailers),
            },
        }
    }

    /// Returns the whole body in a buffer of exactly its size.
    ///
    /// The buffer that a handler wrote into may be much larger. It would live as long as the stored
    /// response.
    pub(crate) fn into_bytes(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.size);
        for part in &self.read {
            whole.extend_from_slice(part);
        }
        whole.into()
    }
}
