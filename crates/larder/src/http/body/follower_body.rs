//! The body of a response that follows another request's fill.
//!
//! It passes on the data that the fill reads, as it arrives. If the fill's body breaks off, the
//! client must still get the whole body, because the head has promised it. The request is then
//! handled again, as if it had just arrived. The new body has to begin with the data that was
//! already delivered. If it does not, the body fails, so that no client takes two halves for a
//! whole.

#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use larder_core::http::field_lines::FieldLines as _;

use crate::engine::coalesce::client_count::ClientGuard;
use crate::http::body::CacheBody;
use crate::http::body::shared_body::{DeliveredPrefix, ReadEvent, SharedBody, SharedBodyReader};
use crate::http::body::tee::remaining_hint;

/// A body that follows a fill.
pub(crate) struct FollowerBody<B: Body> {
    reader: SharedBodyReader,
    /// The size hint of the fill's body, less the data that was delivered.
    hint: SizeHint,
    fail: fn() -> B::Error,
    _seat: Option<ClientGuard>,
    /// The lock makes the body `Sync`. Polling has `&mut self` and does not take it.
    state: Mutex<State<B>>,
}

/// Handles the request again.
pub(crate) type RetryFn<B> = Box<dyn FnOnce() -> RetryFuture<B> + Send>;

/// The response of the retry. `None` if there is none.
type RetryFuture<B> = Pin<Box<dyn Future<Output = Option<Response<CacheBody<B>>>> + Send>>;

enum State<B: Body> {
    /// The fill's body is arriving.
    Streaming(RetryFn<B>),
    /// The fill's body broke off. The request is handled again.
    Retrying(RetryFuture<B>),
    /// The body of the retry, and the data that it has to begin with.
    Resuming(Pin<Box<CacheBody<B>>>, DeliveredPrefix),
    /// The body has ended.
    Done,
}

/// The result of one poll.
type FrameResult<E> = Option<Result<Frame<Bytes>, E>>;

impl<B: Body<Data = Bytes, Error: 'static>> FollowerBody<B> {
    pub(crate) fn new(reader: SharedBodyReader, retry: RetryFn<B>, fail: fn() -> B::Error) -> Self {
        let hint = reader.body().hint;
        Self { reader, hint, fail, _seat: None, state: Mutex::new(State::Streaming(retry)) }
    }

    /// Returns the same body, with its client counted among the clients of the fill.
    ///
    /// The client counts until the fill has ended.
    pub(crate) fn counted(self, seat: ClientGuard) -> Self {
        Self { _seat: Some(seat), ..self }
    }

    pub(crate) fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<FrameResult<B::Error>> {
        if matches!(self.state(), State::Done) {
            return Poll::Ready(None);
        }
        let step = match ready!(self.poll_step(cx)) {
            // A body that ends early fails, even if its end is clean.
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
                        if let State::Streaming(retry) = std::mem::replace(state, State::Done) {
                            *state = State::Retrying(retry());
                        }
                    }
                },
                State::Retrying(retry) => match ready!(retry.as_mut().poll(cx)) {
                    Some(other) if is_same_representation(reader.body(), &other) => {
                        *state = State::Resuming(Box::pin(other.into_body()), reader.delivered_prefix());
                    }
                    _ => break,
                },
                State::Resuming(body, delivered) => {
                    let step = ready!(body.as_mut().poll_frame(cx));
                    if delivered.is_matched() {
                        return Poll::Ready(step);
                    }
                    let data = match step {
                        Some(Ok(frame)) => frame.into_data().ok(),
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                        None => None,
                    };
                    match data.and_then(|data| delivered.strip_matching(data)) {
                        Some(rest) if rest.is_empty() => {}
                        Some(rest) => return Poll::Ready(Some(Ok(Frame::data(rest)))),
                        None => break,
                    }
                }
                State::Done => return Poll::Ready(None),
            }
        }
        Poll::Ready(self.failed())
    }

    /// Returns the error of a body that cannot be completed.
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
            State::Resuming(body, delivered) => {
                delivered.is_matched() && body.is_end_stream() && self.hint.lower() == 0
            }
            State::Done => true,
        }
    }

    pub(crate) const fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

/// Whether the other response has the representation that was promised.
///
/// Of the bodies, only the delivered data is compared. The rest is still to come, so the heads have
/// to match.
fn is_same_representation<B: Body<Data = Bytes, Error: 'static>>(
    promised: &SharedBody,
    other: &Response<CacheBody<B>>,
) -> bool {
    use http::header::{
        CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LAST_MODIFIED,
    };

    let head = &promised.head;
    let same = |name: &http::HeaderName| head.fields.line(name) == other.headers().line(name);
    // The cache may have added these fields meanwhile, because it has the whole body now.
    let same_if_promised = |name: &http::HeaderName| head.fields.line(name).is_none() || same(name);
    let lengths = promised.hint.exact().zip(other.body().size_hint().exact());
    head.status == other.status()
        && [CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_TYPE].iter().all(same)
        && [CONTENT_LENGTH, ETAG, LAST_MODIFIED].iter().all(same_if_promised)
        && lengths.is_none_or(|(promised, other)| promised == other)
}
