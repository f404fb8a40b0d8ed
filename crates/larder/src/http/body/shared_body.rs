//! A body that is arriving, shared with the followers of its fill.
//!
//! The data that was read so far is stored here once for all readers. It is never more than the
//! policy's largest body. Each follower has its own position in it. No follower can hold up another
//! one, or the fill.

#[cfg(test)]
mod tests;

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::SizeHint;

use crate::engine::sync::{Mutex, MutexGuard};
use crate::http::memory::cached_response::CachedResponse;

/// A response whose body is arriving.
pub(crate) struct SharedBody {
    /// The response as it will be stored, without its body.
    pub(crate) head: Arc<CachedResponse>,
    /// The size hint of the body before any of it was read.
    pub(crate) hint: SizeHint,
    state: Mutex<State>,
}

struct State {
    parts: Vec<Bytes>,
    end: End,
    waiting: Vec<Waker>,
    /// The number of times that all waiting readers were woken.
    wake_round: u64,
}

/// The state of the writing side.
enum End {
    /// The fill still reads the body.
    Open,
    /// The body is complete, and this is all of it.
    Complete(Bytes),
    /// The rest will not come: the body failed, is not storable, or its fill was dropped.
    Aborted,
}

impl SharedBody {
    /// Whether the rest will not come.
    pub(crate) fn is_aborted(&self) -> bool {
        matches!(lock(&self.state).end, End::Aborted)
    }

    /// Changes the state and wakes all waiting readers.
    fn update(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = lock(&self.state);
            change(&mut state);
            state.wake_round += 1;
            std::mem::take(&mut state.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

/// The writing side, owned by the fill.
pub(crate) struct SharedBodyWriter(Arc<SharedBody>);

impl SharedBodyWriter {
    /// Returns the writer of a body with this head, of which `so_far` has already arrived.
    pub(crate) fn new(head: Arc<CachedResponse>, hint: SizeHint, so_far: &[Bytes]) -> Self {
        let parts = so_far.iter().filter(|part| !part.is_empty()).cloned().collect();
        let state = State { parts, end: End::Open, waiting: Vec::new(), wake_round: 0 };
        Self(Arc::new(SharedBody { head, hint, state: Mutex::new(state) }))
    }

    /// Returns the body that followers read.
    pub(crate) const fn body(&self) -> &Arc<SharedBody> {
        &self.0
    }

    /// Adds data and wakes the readers. Empty data is ignored.
    pub(crate) fn push(&self, part: Bytes) {
        if !part.is_empty() {
            self.0.update(|state| state.parts.push(part));
        }
    }

    /// Ends a complete body.
    ///
    /// From here on, its readers and the memory tier share one copy of it.
    pub(crate) fn finish(self, whole: Bytes) {
        self.0.update(|state| {
            state.parts = Vec::new();
            state.end = End::Complete(whole);
        });
    }
}

impl Drop for SharedBodyWriter {
    /// Aborts the body if the fill ends in any other way.
    ///
    /// No reader waits for data that will never come, and none takes a part for the whole.
    fn drop(&mut self) {
        let is_open = matches!(lock(&self.0.state).end, End::Open);
        if is_open {
            self.0.update(|state| state.end = End::Aborted);
        }
    }
}

/// A reading side: a position in the body.
pub(crate) struct SharedBodyReader {
    body: Arc<SharedBody>,
    /// The number of parts that were read.
    parts: usize,
    /// The number of bytes that were read.
    bytes: usize,
    /// The round in which it waits, and the index of its waker.
    waits: Option<(u64, usize)>,
}

/// The result of one read.
pub(crate) enum ReadEvent {
    /// More bytes.
    Data(Bytes),
    /// The end of the body.
    End,
    /// The rest will not come.
    Aborted,
}

impl SharedBodyReader {
    /// Returns a reader at the beginning of the body.
    pub(crate) const fn new(body: Arc<SharedBody>) -> Self {
        Self { body, parts: 0, bytes: 0, waits: None }
    }

    pub(crate) const fn body(&self) -> &Arc<SharedBody> {
        &self.body
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ReadEvent> {
        let mut state = lock(&self.body.state);
        match &state.end {
            End::Complete(whole) if self.bytes < whole.len() => {
                let rest = whole.slice(self.bytes..);
                self.bytes = whole.len();
                Poll::Ready(ReadEvent::Data(rest))
            }
            End::Complete(_) => Poll::Ready(ReadEvent::End),
            End::Aborted => Poll::Ready(ReadEvent::Aborted),
            End::Open => match state.parts.get(self.parts).cloned() {
                Some(part) => {
                    self.parts += 1;
                    self.bytes += part.len();
                    Poll::Ready(ReadEvent::Data(part))
                }
                None => {
                    self.waits = Some(state.wait(self.waits, cx.waker()));
                    Poll::Pending
                }
            },
        }
    }

    /// Whether it has read the whole body, and no more will come.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(&lock(&self.body.state).end, End::Complete(whole) if whole.len() == self.bytes)
    }

    /// Returns the data that was read from a body that broke off, to match another body with it.
    pub(crate) fn delivered_prefix(&self) -> DeliveredPrefix {
        DeliveredPrefix { body: Arc::clone(&self.body), part: 0, within: 0, left: self.bytes }
    }
}

impl State {
    /// Registers a waker for the next change.
    ///
    /// A reader that already waits in this round keeps its index.
    fn wait(&mut self, waits: Option<(u64, usize)>, waker: &Waker) -> (u64, usize) {
        let index = waits.filter(|(round, _)| *round == self.wake_round).map(|(_, index)| index);
        if let Some(waiting) = index.and_then(|index| self.waiting.get_mut(index)) {
            waiting.clone_from(waker);
        } else {
            self.waiting.push(waker.clone());
        }
        (self.wake_round, index.unwrap_or(self.waiting.len() - 1))
    }
}

/// The data that a client got of a body that broke off. Another body has to begin with it.
pub(crate) struct DeliveredPrefix {
    body: Arc<SharedBody>,
    part: usize,
    within: usize,
    left: usize,
}

impl DeliveredPrefix {
    /// Whether all of it was matched.
    pub(crate) const fn is_matched(&self) -> bool {
        self.left == 0
    }

    /// Compares the next bytes of the other body with it, and returns the bytes beyond it.
    ///
    /// `None` if the bytes differ.
    pub(crate) fn strip_matching(&mut self, mut data: Bytes) -> Option<Bytes> {
        let state = lock(&self.body.state);
        while self.left > 0 && !data.is_empty() {
            let expected = state.parts.get(self.part)?.get(self.within..)?;
            let length = expected.len().min(self.left).min(data.len());
            if data.split_to(length) != expected[..length] {
                return None;
            }
            self.left -= length;
            self.within += length;
            if length == expected.len() {
                (self.part, self.within) = (self.part + 1, 0);
            }
        }
        Some(data)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
