//! Gathers calls: many of them become one script call.
//!
//! Most of the cost of a short script comes from its command. So while a call is in flight, further
//! calls of its kind wait, and are sent together when its answer comes. A single call is sent at
//! once.
//!
//! A call does not wait longer than [`MAX_DELAY`] for others, whether these take long or their
//! tasks are not polled.

mod gather_queue;
#[cfg(test)]
mod tests;

use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::timeout;

pub(crate) use self::gather_queue::GatherQueue;
use self::gather_queue::{Admission, Batch};

/// The maximum time that a call waits for one that is in flight.
const MAX_DELAY: Duration = Duration::from_millis(1);

/// Calls that may be sent together, and how to send them.
pub(crate) trait CallTarget: Clone + Send + Sync + 'static {
    type Call: Send + 'static;
    type Answer: Send + 'static;

    /// Maximum number of calls in one batch.
    const MAX_CALLS: usize;
    /// The maximum size of a batch. A single call may be larger.
    const MAX_WEIGHT: usize;

    /// Returns the size of a call.
    fn weight(call: &Self::Call) -> usize;

    /// Returns the calls that wait.
    fn queue(&self) -> &GatherQueue<Self::Call, Self::Answer>;

    /// Returns the runtime for the tasks that send batches.
    fn runtime(&self) -> Handle;

    /// Returns how long a caller waits for a batch that is in flight.
    ///
    /// It is longer than any batch takes, for a runtime that stands still.
    fn backstop(&self) -> Duration;

    /// Sends the calls, and returns the answer to each of them, in order.
    fn send(&self, calls: Vec<Self::Call>) -> impl Future<Output = Vec<Self::Answer>> + Send;
}

/// A call that was sent, and whose answer will not come.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct AnswerLost;

type Answers<T> = Vec<<T as CallTarget>::Answer>;
type Command<T> = Pin<Box<dyn Future<Output = Answers<T>> + Send>>;

/// Makes the call, alone or together with others.
///
/// A caller that stops waiting cancels no other call. If its own call was not sent by then, it is
/// not sent.
pub(crate) async fn call<T: CallTarget>(target: &T, call: T::Call) -> Result<T::Answer, AnswerLost> {
    // Not inside the `match`, which would hold the lock.
    let admission = target.queue().admit(call);
    match admission {
        Admission::SendNow { call, epoch } => {
            let _flight = InFlight { target, epoch };
            // Boxed, because fred's future is large, and a waiting call does not need it.
            Box::pin(target.send(vec![call])).await.pop().ok_or(AnswerLost)
        }
        Admission::Join { number, mut answer } => {
            if let Ok(answered) = timeout(MAX_DELAY, &mut answer).await {
                return answered.map_err(|_| AnswerLost);
            }
            send_overdue(target, number);
            let answered = timeout(target.backstop(), answer).await;
            answered.ok().and_then(Result::ok).ok_or(AnswerLost)
        }
    }
}

/// Sends the waiting calls up to this one, though others are in flight.
fn send_overdue<T: CallTarget>(target: &T, number: u64) {
    let mut is_first = true;
    while let Some(batch) = target.queue().overdue::<T>(number, std::mem::take(&mut is_first)) {
        send_batch(target, batch);
    }
}

/// Sends a batch on its own task, because any of its callers may stop waiting.
fn send_batch<T: CallTarget>(target: &T, batch: Batch<T::Call, T::Answer>) {
    let Batch { calls, answers, epoch } = batch;
    let flight = OwnedFlight { target: target.clone(), epoch };
    let mut command: Command<T> = {
        let target = target.clone();
        Box::pin(async move { target.send(calls).await })
    };
    // This poll gives the command to fred before the callers of the last batch continue. So Redis
    // works on this batch while they work on their results.
    let runtime = target.runtime();
    let _entered = runtime.enter();
    // If the last batch panicked, this is a destructor, where a second panic would abort.
    let sent = match std::thread::panicking() {
        true => Poll::Pending,
        false => command.as_mut().poll(&mut Context::from_waker(Waker::noop())),
    };
    runtime.spawn(async move {
        let results = match sent {
            Poll::Ready(results) => results,
            Poll::Pending => command.await,
        };
        // The next batch is sent first.
        drop(flight);
        for (answer, result) in answers.into_iter().zip(results) {
            // The send fails if the caller no longer waits.
            let _ = answer.send(result);
        }
    });
}

/// A batch that is in flight. Once it has ended, the calls that wait are sent.
struct InFlight<'a, T: CallTarget> {
    target: &'a T,
    epoch: u64,
}

impl<T: CallTarget> Drop for InFlight<'_, T> {
    fn drop(&mut self) {
        // A call that fills a batch leaves others behind. They are sent with it.
        let mut batch = self.target.queue().completed::<T>(self.epoch);
        while let Some(next) = batch {
            send_batch(self.target, next);
            batch = self.target.queue().next_full::<T>();
        }
    }
}

/// An [`InFlight`] that a task owns.
struct OwnedFlight<T: CallTarget> {
    target: T,
    epoch: u64,
}

impl<T: CallTarget> Drop for OwnedFlight<T> {
    fn drop(&mut self) {
        drop(InFlight { target: &self.target, epoch: self.epoch });
    }
}
