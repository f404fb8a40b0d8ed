//! The body of a response that follows another request's fill.
//!
//! It gives what the fill has read, as it comes. Where that breaks off, the client has been promised the whole all the
//! same, and is given it: the request asks again, as if it had just come, and what it is answered with has to begin with
//! what was given before. Where it does not, the body fails, so that no client takes two halves for a whole.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};

use crate::engine::coalesce::client_count::ClientGuard;
use crate::http::body::CacheBody;
use crate::http::body::shared_body::{DeliveredPrefix, ReadEvent, SharedBody, SharedBodyReader};
use crate::http::body::tee::remaining_hint;

/// A body that follows a fill.
pub(crate) struct FollowerBody<B: Body> {
    reader: SharedBodyReader,
    /// What was said of its size, less what was given.
    hint: SizeHint,
    fail: fn() -> B::Error,
    _seat: Option<ClientGuard>,
    /// Only ever polled through `&mut`: the lock is there for those who share a reference, and is not taken.
    state: Mutex<State<B>>,
}

/// Asks again.
pub(crate) type RetryFn<B> = Box<dyn FnOnce() -> RetryFuture<B> + Send>;

/// The answer; `None` if there is none.
type RetryFuture<B> = Pin<Box<dyn Future<Output = Option<Response<CacheBody<B>>>> + Send>>;

enum State<B: Body> {
    /// The fill's body arrives.
    Streaming(RetryFn<B>),
    /// It broke off, and the request asks again.
    Retrying(RetryFuture<B>),
    /// What it is answered with, and what that has to begin with.
    Resuming(Pin<Box<CacheBody<B>>>, DeliveredPrefix),
    /// It is over.
    Done,
}

/// What one step of it comes to.
type FrameResult<E> = Option<Result<Frame<Bytes>, E>>;

impl<B: Body<Data = Bytes>> FollowerBody<B> {
    pub(crate) fn new(reader: SharedBodyReader, again: RetryFn<B>, fail: fn() -> B::Error) -> Self {
        let hint = reader.body().hint;
        Self { reader, hint, fail, _seat: None, state: Mutex::new(State::Streaming(again)) }
    }

    /// The same for a client that counts among those of the fill, until the fill has ended.
    pub(crate) fn counted(self, seat: ClientGuard) -> Self {
        Self { _seat: Some(seat), ..self }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult<B::Error>> {
        if matches!(self.state(), State::Done) {
            return Poll::Ready(None);
        }
        let step = match ready!(self.poll_step(cx)) {
            // It ended early, however cleanly.
            None if self.hint.lower() > 0 => self.failed(),
            step => step,
        };
        match &step {
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, Bytes::len);
                self.hint = remaining_hint(&self.hint, length as u64);
            }
            Some(Err(_)) | None => *self.state() = State::Done,
        }
        Poll::Ready(step)
    }

    fn poll_step(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult<B::Error>> {
        let Self { reader, state, .. } = self;
        let state = state.get_mut().unwrap_or_else(PoisonError::into_inner);
        loop {
            match state {
                State::Streaming(_) => match ready!(reader.poll(cx)) {
                    ReadEvent::Data(data) => return Poll::Ready(Some(Ok(Frame::data(data)))),
                    ReadEvent::End => return Poll::Ready(None),
                    ReadEvent::Aborted => {
                        if let State::Streaming(again) = std::mem::replace(state, State::Done) {
                            *state = State::Retrying(again());
                        }
                    }
                },
                State::Retrying(asking) => match ready!(asking.as_mut().poll(cx)) {
                    Some(other) if is_same_representation(reader.body(), &other) => {
                        *state = State::Resuming(Box::pin(other.into_body()), reader.delivered_prefix());
                    }
                    _ => break,
                },
                State::Resuming(body, given) => {
                    let step = ready!(body.as_mut().poll_frame(cx));
                    if given.is_matched() {
                        return Poll::Ready(step);
                    }
                    let data = match step {
                        Some(Ok(frame)) => frame.into_data().ok(),
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => None,
                    };
                    match data.and_then(|data| given.strip_matching(data)) {
                        Some(beyond) if beyond.is_empty() => {}
                        Some(beyond) => return Poll::Ready(Some(Ok(Frame::data(beyond)))),
                        None => break,
                    }
                }
                State::Done => return Poll::Ready(None),
            }
        }
        Poll::Ready(self.failed())
    }

    /// The end of one that cannot be completed.
    fn failed(&self) -> FrameResult<B::Error> {
        Some(Err((self.fail)()))
    }

    fn state(&mut self) -> &mut State<B> {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            State::Streaming(_) => self.reader.is_at_end() && self.hint.lower() == 0,
            State::Retrying(_) => false,
            State::Resuming(body, given) => {
                given.is_matched() && body.is_end_stream() && self.hint.lower() == 0
            }
            State::Done => true,
        }
    }

    pub(crate) const fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Whether the other response is about the representation that was promised: what it begins with is compared, but not what
/// is still to come of it.
fn is_same_representation<B: Body<Data = Bytes>>(
    promised: &SharedBody,
    other: &Response<CacheBody<B>>,
) -> bool {
    use http::header::{
        CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    };

    let head = &promised.head;
    let same = |name: &http::HeaderName| head.headers.get(name) == other.headers().get(name);
    // Those that the cache may have made meanwhile, of what it has whole.
    let kept = |name: &http::HeaderName| !head.headers.contains_key(name) || same(name);
    let lengths = promised.hint.exact().zip(other.body().size_hint().exact());
    head.status == other.status()
        && [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE].iter().all(same)
        && [CONTENT_LENGTH, ETAG, LAST_MODIFIED].iter().all(kept)
        && lengths.is_none_or(|(promised, other)| promised == other)
}
