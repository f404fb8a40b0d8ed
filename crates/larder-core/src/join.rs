//! Waiting for several futures in one task.
//!
//! Each wake-up polls all that still run. So this is for futures that wait for the same thing, such
//! as the answers of one connection, and not for thousands that take turns.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A future that is waited for, or its output.
#[allow(clippy::exhaustive_enums)] // There is no third state.
pub enum Slot<F: Future + Unpin> {
    /// The future still runs.
    Pending(F),
    /// The future has ended with this output.
    Done(F::Output),
}

impl<F: Future + Unpin> Slot<F> {
    fn into_output(self) -> Option<F::Output> {
        match self {
            Self::Done(output) => Some(output),
            Self::Pending(_) => None,
        }
    }
}

/// Waits until all slots are done. If it is dropped, the slots show which ones were.
pub async fn join<F: Future + Unpin>(slots: &mut [Slot<F>]) {
    poll_fn(|context| poll_all(slots, context)).await;
}

/// Runs the futures at the same time, and returns their outputs in order.
pub async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots = boxed(futures);
    join(&mut slots).await;
    slots.into_iter().filter_map(Slot::into_output).collect()
}

/// Runs the futures at the same time, and returns their outputs in order.
///
/// # Errors
/// Ends at the first error, and returns it.
pub async fn try_join_all<F, T, E>(futures: impl IntoIterator<Item = F>) -> Result<Vec<T>, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut slots = boxed(futures);
    poll_fn(|context| {
        let all = poll_all(&mut slots, context);
        let has_failed = slots.iter().any(|slot| matches!(slot, Slot::Done(Err(_))));
        if has_failed { Poll::Ready(()) } else { all }
    })
    .await;
    slots.into_iter().filter_map(Slot::into_output).collect()
}

fn boxed<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<Slot<Pin<Box<F>>>> {
    futures.into_iter().map(|future| Slot::Pending(Box::pin(future))).collect()
}

fn poll_all<F: Future + Unpin>(slots: &mut [Slot<F>], context: &mut Context<'_>) -> Poll<()> {
    let mut all = Poll::Ready(());
    for slot in slots {
        if let Slot::Pending(future) = slot {
            match Pin::new(future).poll(context) {
                Poll::Ready(output) => *slot = Slot::Done(output),
                Poll::Pending => all = Poll::Pending,
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::pin;
    use std::task::Waker;

    use super::*;

    type Boxed<T> = Pin<Box<dyn Future<Output = T>>>;

    fn poll_once<F: Future>(future: F) -> Poll<F::Output> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn the_outputs_are_in_order_whichever_future_ends_first() {
        assert_eq!(poll_once(join_all(std::iter::empty::<std::future::Ready<u8>>())), Poll::Ready(vec![]));
        // The first future ends with the third poll, and the last one with the first.
        let waits_for = |number: usize| {
            let mut waits = 2 - number;
            poll_fn(move |_| match waits {
                0 => Poll::Ready(number),
                _ => {
                    waits -= 1;
                    Poll::Pending
                }
            })
        };
        let mut all = pin!(join_all((0..3).map(waits_for)));
        let mut poll = || all.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert_eq!([poll(), poll()], [Poll::Pending, Poll::Pending]);
        assert_eq!(poll(), Poll::Ready(vec![0, 1, 2]));
    }

    #[test]
    fn an_error_ends_the_wait_and_nothing_else_does() {
        let failed = poll_fn(|_| Poll::Ready(Err("failed")));
        let futures: [Boxed<Result<u8, &str>>; 3] =
            [Box::pin(pending()), Box::pin(failed), Box::pin(ready(Ok(1)))];
        assert_eq!(poll_once(try_join_all(futures)), Poll::Ready(Err("failed")));
        assert_eq!(
            poll_once(try_join_all([ready(Ok::<_, ()>(1)), ready(Ok(2))])),
            Poll::Ready(Ok(vec![1, 2]))
        );
        assert!(poll_once(try_join_all([pending::<Result<u8, ()>>()])).is_pending());
    }

    #[test]
    fn the_slots_show_what_was_done_when_the_wait_was_given_up() {
        let futures: [Boxed<u8>; 2] = [Box::pin(ready(1)), Box::pin(pending())];
        let mut slots: Vec<_> = futures.into_iter().map(Slot::Pending).collect();
        assert!(poll_once(join(&mut slots)).is_pending());
        assert!(matches!(slots[..], [Slot::Done(1), Slot::Pending(_)]));
    }
}
