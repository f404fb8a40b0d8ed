//! A body that is passed on to its client while a fill collects it.
//!
//! The fill reads the inner body as fast as it arrives, even if the client is slow or has left. The
//! frames wait here until the client reads them. Together they are at most as large as the policy's
//! `max_body`. If the body is larger, nothing is stored, and the inner body itself is handed over
//! to the client.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::engine::coalesce::client_count::ClientGuard;

/// The writing side, owned by the fill.
pub(crate) struct Tee<B: Body> {
    shared: Arc<Mutex<State<B>>>,
}

/// The reading side: the client's body.
pub(crate) struct TeeBody<B: Body> {
    shared: Arc<Mutex<State<B>>>,
    /// The size hint of the inner body, less the data that the client has read.
    hint: SizeHint,
    _seat: Option<ClientGuard>,
}

struct State<B: Body> {
    waiting: VecDeque<Frame<Bytes>>,
    end: End<B>,
    reader: Option<Waker>,
}

/// The state of the writing side.
enum End<B: Body> {
    /// The fill still reads the inner body.
    Open,
    /// The body has ended cleanly.
    Complete,
    /// The body has ended, but not with the length that its response states.
    Unfit,
    /// The inner body failed. The client gets its error.
    Failed(B::Error),
    /// The rest is not stored. The client reads it from the inner body.
    HandedOver(Pin<Box<B>>),
    /// The fill was dropped.
    Abandoned,
    /// The inner body panicked.
    Panicked,
}

/// Returns both sides of a body with this size hint.
pub(crate) fn tee<B: Body<Data = Bytes>>(hint: SizeHint) -> (Tee<B>, TeeBody<B>) {
    let shared = Arc::new(Mutex::new(State { waiting: VecDeque::new(), end: End::Open, reader: None }));
    (Tee { shared: Arc::clone(&shared) }, TeeBody { shared, hint, _seat: None })
}

impl<B: Body<Data = Bytes>> Tee<B> {
    /// Passes a frame on to the client.
    pub(crate) fn push(&self, frame: Frame<Bytes>) {
        update(&self.shared, |state| state.waiting.push_back(frame));
    }

    /// Ends a complete body.
    pub(crate) fn finish(self) {
        update(&self.shared, |state| state.end = End::Complete);
    }

    /// Ends a body that does not have the length that its response states.
    pub(crate) fn finish_misfit(self) {
        update(&self.shared, |state| state.end = End::Unfit);
    }

    /// Ends the body with the error of the inner body.
    pub(crate) fn fail(self, error: B::Error) {
        update(&self.shared, |state| state.end = End::Failed(error));
    }

    /// Hands the inner body over to the client, which reads the rest from it.
    pub(crate) fn hand_over(self, rest: Pin<Box<B>>) {
        update(&self.shared, |state| state.end = End::HandedOver(rest));
    }
}

impl<B: Body> Drop for Tee<B> {
    /// Ends the writing side if the fill is dropped before the end of the body.
    ///
    /// A fill is dropped when the runtime shuts down. The client's body then never ends, because it
    /// must not look complete. The connection is about to be closed anyway.
    ///
    /// A fill is also dropped if the inner body panics. The client's task then panics too, as it
    /// would without the cache. Otherwise, the client would wait for data that never comes.
    fn drop(&mut self) {
        update(&self.shared, |state| {
            if matches!(state.end, End::Open) {
                let panics = std::thread::panicking();
                state.end = if panics { End::Panicked } else { End::Abandoned };
            }
        });
    }
}

impl<B: Body<Data = Bytes>> TeeBody<B> {
    /// Returns a body that was read, but does not have the length that its response states.
    ///
    /// The size hint is that of the inner body, so that the server notices the wrong length, as it
    /// would without the cache. [`is_end_stream`](Self::is_end_stream) stays `false` after the last
    /// frame. A server would trust `true`, and send data that the response has not announced.
    pub(crate) fn misfit(hint: SizeHint, frames: &[Bytes]) -> Self {
        let (tee, body) = tee(hint);
        for data in frames {
            tee.push(Frame::data(data.clone()));
        }
        tee.finish_misfit();
        body
    }

    /// Returns the same body, which counts as a client until it is dropped.
    pub(crate) fn counted(self, seat: ClientGuard) -> Self {
        Self { _seat: Some(seat), ..self }
    }

    pub(crate) fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = std::task::ready!(lock(&self.shared).poll(cx));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        if let Some(data) = data {
            self.hint = remaining_hint(&self.hint, data.len() as u64);
        }
        Poll::Ready(frame)
    }

    pub(crate) fn is_end_stream(&self) -> bool {
        let state = lock(&self.shared);
        state.waiting.is_empty()
            && match &state.end {
                End::Complete => true,
                End::HandedOver(body) => body.is_end_stream(),
                // The server has to find this out by polling the body, as it would without the
                // cache.
                End::Unfit | End::Open | End::Failed(_) | End::Abandoned | End::Panicked => false,
            }
    }

    pub(crate) fn size_hint(&self) -> SizeHint {
        self.hint
    }
}

impl<B: Body<Data = Bytes>> State<B> {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        if let Some(frame) = self.waiting.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        match &mut self.end {
            End::Complete | End::Unfit => Poll::Ready(None),
            End::HandedOver(body) => body.as_mut().poll_frame(cx),
            End::Failed(_) => match std::mem::replace(&mut self.end, End::Complete) {
                End::Failed(error) => Poll::Ready(Some(Err(error))),
                _ => Poll::Ready(None),
            },
            End::Panicked => std::panic::resume_unwind(Box::new("the body of a response panicked")),
            End::Open | End::Abandoned => {
                self.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

/// Changes the state and wakes the reader.
fn update<B: Body>(shared: &Mutex<State<B>>, change: impl FnOnce(&mut State<B>)) {
    let reader = {
        let mut state = lock(shared);
        change(&mut state);
        state.reader.take()
    };
    if let Some(reader) = reader {
        reader.wake();
    }
}

/// Returns the size hint of the rest of a body after this number of bytes was read.
pub(super) fn remaining_hint(hint: &SizeHint, read: u64) -> SizeHint {
    let mut rest = SizeHint::new();
    if let Some(upper) = hint.upper() {
        rest.set_upper(upper.saturating_sub(read));
    }
    rest.set_lower(hint.lower().saturating_sub(read));
    rest
}

fn lock<B: Body>(shared: &Mutex<State<B>>) -> MutexGuard<'_, State<B>> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
