//! Waiting for several futures in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future in a box. The futures of fred take five kilobytes each.
pub(crate) type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A future that is waited for, or its output.
pub(crate) enum Slot<'a, T> {
    Pending(Boxed<'a, T>),
    Done(T),
}

/// Waits until all slots are done. If it is dropped, the slots show which ones were.
pub(crate) async fn join<T>(slots: &mut [Slot<'_, T>]) {
    poll_fn(|cx| poll_all(slots, cx)).await;
}

fn poll_all<T>(slots: &mut [Slot<'_, T>], cx: &mut Context<'_>) -> Poll<()> {
    let mut all = Poll::Ready(());
    for slot in slots {
        if let Slot::Pending(future) = slot {
            match future.as_mut().poll(cx) {
                Poll::Ready(output) => *slot = Slot::Done(output),
                Poll::Pending => all = Poll::Pending,
            }
        }
    }
    all
}
