//! A body that is arriving, for those who follow its fill.
//!
//! What was read of it is kept here once, whoever reads it: a fill keeps no more than the policy's largest body, and
//! those who follow have a place in it each. None of them can hold up another one, or the fill.

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
    /// What the body said of its size before any of it was read.
    pub(crate) hint: SizeHint,
    state: Mutex<State>,
}

struct State {
    parts: Vec<Bytes>,
    end: End,
    waiting: Vec<Waker>,
    /// How often all who waited were woken.
    wake_round: u64,
}

/// How the fill's part in the body ends.
enum End {
    /// Not yet.
    Open,
    /// The body is complete, and this is all of it.
    Complete(Bytes),
    /// The rest will not come: the body failed, is not for storing, or its fill vanished.
    Aborted,
}

impl SharedBody {
    /// Whether the rest will not come.
    pub(crate) fn is_aborted(&self) -> bool {
        matches!(lock(&self.state).end, End::Aborted)
    }

    /// Changes the state and wakes all who wait.
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

/// The writing side, held by the fill.
pub(crate) struct SharedBodyWriter(Arc<SharedBody>);

impl SharedBodyWriter {
    /// Of a response with this head, and a body that has come so far.
    pub(crate) fn new(head: Arc<CachedResponse>, hint: SizeHint, so_far: &[Bytes]) -> Self {
        let parts = so_far.iter().filter(|part| !part.is_empty()).cloned().collect();
        let state = State { parts, end: End::Open, waiting: Vec::new(), wake_round: 0 };
        Self(Arc::new(SharedBody { head, hint, state: Mutex::new(state) }))
    }

    /// What those who follow read.
    pub(crate) const fn body(&self) -> &Arc<SharedBody> {
        &self.0
    }

    /// More has come.
    pub(crate) fn push(&self, part: Bytes) {
        if !part.is_empty() {
            self.0.update(|state| state.parts.push(part));
        }
    }

    /// The body is complete. From here on it is kept once, by those who still read it and by the memory tier.
    pub(crate) fn finish(self, whole: Bytes) {
        self.0.update(|state| {
            state.parts = Vec::new();
            state.end = End::Complete(whole);
        });
    }
}

impl Drop for SharedBodyWriter {
    /// A fill that ends in any other way has nothing more to give: nobody waits for what will never come, and nobody
    /// takes what came for the whole.
    fn drop(&mut self) {
        let is_open = matches!(lock(&self.0.state).end, End::Open);
        if is_open {
            self.0.update(|state| state.end = End::Aborted);
        }
    }
}

/// A reading side: a place in the body.
pub(crate) struct SharedBodyReader {
    body: Arc<SharedBody>,
    /// How much of it was read.
    parts: usize,
    bytes: usize,
    /// In which round it waits, and where.
    waits: Option<(u64, usize)>,
}

/// What a reader comes upon.
pub(crate) enum ReadEvent {
    /// More bytes.
    Data(Bytes),
    /// The end of the body.
    End,
    /// The rest will not come.
    Aborted,
}

impl SharedBodyReader {
    /// At the beginning.
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

    /// Whether it has read all that there is, and no more will come.
    pub(crate) fn is_at_end(&self) -> bool {
        matches!(&lock(&self.body.state).end, End::Complete(whole) if whole.len() == self.bytes)
    }

    /// What was read of a body that broke off, to be read once more.
    pub(crate) fn delivered_prefix(&self) -> DeliveredPrefix {
        DeliveredPrefix { body: Arc::clone(&self.body), part: 0, within: 0, left: self.bytes }
    }
}

impl State {
    /// Has this waker woken with the next change. Whoever waits already, in this round, keeps its place.
    fn wait(&mut self, waits: Option<(u64, usize)>, waker: &Waker) -> (u64, usize) {
        let place = waits.filter(|(round, _)| *round == self.wake_round).map(|(_, place)| place);
        if let Some(known) = place.and_then(|place| self.waiting.get_mut(place)) {
            known.clone_from(waker);
        } else {
            self.waiting.push(waker.clone());
        }
        (self.wake_round, place.unwrap_or(self.waiting.len() - 1))
    }
}

/// What a client was given of a body that broke off: another one has to begin with it.
pub(crate) struct DeliveredPrefix {
    body: Arc<SharedBody>,
    part: usize,
    within: usize,
    left: usize,
}

impl DeliveredPrefix {
    /// Whether all of it was found again.
    pub(crate) const fn is_matched(&self) -> bool {
        self.left == 0
    }

    /// Compares the next bytes of the other body with it, and returns those beyond; `None` if they differ.
    pub(crate) fn strip_matching(&mut self, mut data: Bytes) -> Option<Bytes> {
        let state = lock(&self.body.state);
        while self.left > 0 && !data.is_empty() {
            let known = state.parts.get(self.part)?.get(self.within..)?;
            let length = known.len().min(self.left).min(data.len());
            if data.split_to(length) != known[..length] {
                return None;
            }
            self.left -= length;
            self.within += length;
            if length == known.len() {
                (self.part, self.within) = (self.part + 1, 0);
            }
        }
        Some(data)
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
