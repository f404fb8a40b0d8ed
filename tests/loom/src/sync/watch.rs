//! Like tokio's `watch`: a value, and receivers that wait for a new one until all senders are gone.

use std::future::poll_fn;
use std::ops::Deref;
use std::sync::Arc;
use std::task::{Poll, Waker};

use super::{Mutex, MutexGuard, lock};

struct State<T> {
    value: T,
    closed: bool,
    waiting: Vec<Waker>,
}

pub(crate) struct Sender<T>(Arc<Mutex<State<T>>>);

pub(crate) struct Receiver<T>(Arc<Mutex<State<T>>>);

pub(crate) fn channel<T>(value: T) -> (Sender<T>, Receiver<T>) {
    let state = Arc::new(Mutex::new(State { value, closed: false, waiting: Vec::new() }));
    (Sender(Arc::clone(&state)), Receiver(state))
}

impl<T> Sender<T> {
    /// Changes the value, and wakes those that wait if `change` returns `true`.
    pub(crate) fn send_if_modified(&self, change: impl FnOnce(&mut T) -> bool) -> bool {
        let (is_modified, waiting) = {
            let mut state = lock(&self.0);
            let is_modified = change(&mut state.value);
            (is_modified, if is_modified { std::mem::take(&mut state.waiting) } else { Vec::new() })
        };
        waiting.into_iter().for_each(Waker::wake);
        is_modified
    }

    pub(crate) fn receiver_count(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }

    fn change<R>(&self, change: impl FnOnce(&mut State<T>) -> R) -> R {
        let (result, waiting) = {
            let mut state = lock(&self.0);
            (change(&mut state), std::mem::take(&mut state.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        result
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.change(|state| state.closed = true);
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Receiver<T> {
    /// Returns the current value.
    pub(crate) fn borrow(&self) -> Ref<'_, T> {
        Ref(lock(&self.0))
    }

    /// Waits for a matching value. Returns an error if there is none and all senders are gone.
    pub(crate) async fn wait_for(&mut self, mut is_so: impl FnMut(&T) -> bool) -> Result<Ref<'_, T>, ()> {
        let come = poll_fn(|cx| {
            let mut state = lock(&self.0);
            if is_so(&state.value) {
                return Poll::Ready(Ok(()));
            }
            if state.closed {
                return Poll::Ready(Err(()));
            }
            state.waiting.push(cx.waker().clone());
            Poll::Pending
        });
        come.await?;
        Ok(Ref(lock(&self.0)))
    }
}

pub(crate) struct Ref<'a, T>(MutexGuard<'a, State<T>>);

impl<T> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.value
    }
}
