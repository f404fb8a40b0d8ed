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

/// A body, as far as it was read.
pub(crate) struct Collector<B: Body> {
    body: Pin<Box<B>>,
    /// The size hint of the body before any of it was read.
    hint: SizeHint,
    read: Vec<Bytes>,
    size: usize,
    limit: usize,
}

/// What reading without waiting came to.
pub(crate) enum CollectNow<B: Body> {
    /// The whole body was there.
    Complete(Collector<B>),
    /// More is to come, or it is not for storing: the client has to be given a body that is read as it comes.
    Pending(Collector<B>, Option<BodyStep<B>>),
}

/// So long may a body take, from the head of its response to its end, and still be stored. A stream that never ends must
/// not hold up others, and nothing else would end it where its client has left.
const MAX_BODY_TIME: Duration = Duration::from_secs(10);
/// The same for a body of known length, as long as no part of it takes longer than [`MAX_BODY_TIME`]: it does end.
const MAX_KNOWN_BODY_TIME: Duration = Duration::from_secs(600);

/// What a frame came to.
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
    /// Why a body with this in it is not stored, if it is not.
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

/// The followers of a body while the rest of it is read.
pub(crate) struct BodyReading<'a> {
    /// Followers that stream the body.
    pub(crate) followers: Option<SharedBodyWriter>,
    /// The length of the body, if it is known.
    pub(crate) length: Option<u64>,
    /// When followers that wait for the end stop waiting, and how to let them go.
    pub(crate) release: Option<(Instant, &'a mut (dyn FnMut() + Send))>,
}

impl BodyReading<'_> {
    /// Lets followers go whose time is up, and says when to look again.
    fn release_deadline(&mut self, now: Instant) -> Option<Instant> {
        let (at, release) = self.release.as_mut()?;
        if *at > now {
            return Some(*at);
        }
        release();
        self.release = None;
        None
    }

    /// Passes data on to followers, unless it is more than the response has stated.
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

    /// Reads what is there without waiting: most bodies of handlers are there whole, and need no detour.
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

    /// What was read so far.
    pub(crate) fn chunks(&self) -> &[Bytes] {
        &self.read
    }

    pub(crate) const fn size(&self) -> usize {
        self.size
    }

    /// Reads the rest, passing each frame on, to followers too; the clean end is left to the caller.
    ///
    /// # Errors
    /// If the body is not for storing. The client gets the rest of it all the same.
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

    /// The whole body in a buffer of just its size: what a handler wrote it into may be much larger, and would live as
    /// long as the response is held.
    pub(crate) fn into_bytes(self) -> Bytes {
        let mut whole = Vec::with_capacity(self.size);
        for part in &self.read {
            whole.extend_from_slice(part);
        }
        whole.into()
    }
}
