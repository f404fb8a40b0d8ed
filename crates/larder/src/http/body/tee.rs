//! A body that is passed on and kept at once.
//!
//! The fill reads the inner body, as fast as it comes and whether or not the client still listens; what it read waits
//! here for the client. That is never more than the policy's largest body: beyond it the inner body itself is handed
//! to the client, and nothing is kept.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::engine::coalesce::client_count::ClientGuard;

/// The writing side, held by the fill.
pub(crate) struct Tee<B: Body> {
    shared: Arc<Mutex<State<B>>>,
}

/// The reading side: the client's body.
pub(crate) struct TeeBody<B: Body> {
    shared: Arc<Mutex<State<B>>>,
    /// What the inner body said of its size, less what the client has read.
    hint: SizeHint,
    _seat: Option<ClientGuard>,
}

struct State<B: Body> {
    waiting: VecDeque<Frame<Bytes>>,
    end: End<B>,
    reader: Option<Waker>,
}

/// How the fill's part in the body ends.
enum End<B: Body> {
    /// Not yet.
    Open,
    /// The body has ended cleanly.
    Complete,
    /// It has, and has not the length that its response states.
    Unfit,
    /// The inner body failed. The client gets its error.
    Failed(B::Error),
    /// The rest is not kept: the client reads on from the inner body.
    HandedOver(Pin<Box<B>>),
    /// The fill vanished.
    Abandoned,
    /// The inner body panicked.
    Panicked,
}

/// Both sides of a body with this size hint.
pub(crate) fn tee<B: Body<Data = Bytes>>(hint: SizeHint) -> (Tee<B>, TeeBody<B>) {
    let shared = Arc::new(Mutex::new(State { waiting: VecDeque::new(), end: End::Open, reader: None }));
    (Tee { shared: Arc::clone(&shared) }, TeeBody { shared, hint, _seat: None })
}

impl<B: Body<Data = Bytes>> Tee<B> {
    /// Passes a frame on.
    pub(crate) fn push(&self, frame: Frame<Bytes>) {
        update(&self.shared, |state| state.waiting.push_back(frame));
    }

    /// The body is complete.
    pub(crate) fn finish(self) {
        update(&self.shared, |state| state.end = End::Complete);
    }

    /// The body has ended, and has not the length that its response states.
    pub(crate) fn finish_misfit(self) {
        update(&self.shared, |state| state.end = End::Unfit);
    }

    /// The inner body failed.
    pub(crate) fn fail(self, error: B::Error) {
        update(&self.shared, |state| state.end = End::Failed(error));
    }

    /// The client reads on by itself.
    pub(crate) fn hand_over(self, rest: Pin<Box<B>>) {
        update(&self.shared, |state| state.end = End::HandedOver(rest));
    }
}

impl<B: Body> Drop for Tee<B> {
    /// A fill that vanishes (the runtime shuts down) leaves the client a body that never ends, and not one that looks
    /// complete: its connection is about to be closed. An inner body that panics does so in the client's task, as it
    /// would without the cache: nobody waits for what will never come.
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
    /// A body that was read, and has not the length that its response states.
    ///
    /// It says of its size what the body said, so that the server finds out, as it would without the cache. And it does not say
    /// that it ends with its last frame: a server trusts that, and would send what the response has not announced.
    pub(crate) fn misfit(hint: SizeHint, frames: &[Bytes]) -> Self {
        let (tee, body) = tee(hint);
        for data in frames {
            tee.push(Frame::data(data.clone()));
        }
        tee.finish_misfit();
        body
    }

    /// The same for a client that is counted.
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
                // The server is to find out by itself, as it would without the cache.
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

/// What a hint comes to when so much was read.
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
