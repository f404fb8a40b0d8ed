//! Waiting for several futures at once.

use std::future::Future;
use std::pin::Pin;
use std::task::Poll;

/// The state of one future.
enum Slot<F: Future> {
    Running(Pin<Box<F>>),
    Done(Option<F::Output>),
}

/// Runs the futures at the same time, and returns their outputs in order.
///
/// Each wake-up polls all that still run. So this is for futures that wait for the same thing, such
/// as the answers of one connection, and not for thousands that take turns.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(|future| Slot::Running(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        let mut all_done = true;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *slot = Slot::Done(Some(output)),
                    Poll::Pending => all_done = false,
                }
            }
        }
        if all_done { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    let output = |slot: &mut Slot<F>| match slot {
        Slot::Done(output) => output.take(),
        Slot::Running(_) => None,
    };
    slots.iter_mut().filter_map(output).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::soon;

    #[tokio::test]
    async fn the_outputs_are_in_order_whichever_future_ends_first() {
        assert!(join_all(std::iter::empty::<std::future::Ready<u8>>()).await.is_empty());
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..3).map(|_| tokio::sync::oneshot::channel::<usize>()).unzip();
        let all = join_all(receivers);
        let sending = async {
            for (index, sender) in senders.into_iter().enumerate().rev() {
                sender.send(index).unwrap();
                tokio::task::yield_now().await;
            }
        };
        let (received, ()) = soon(async { tokio::join!(all, sending) }).await;
        assert_eq!(received, [Ok(0), Ok(1), Ok(2)]);
    }
}
