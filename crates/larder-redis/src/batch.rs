//! Batches lookups: one `MGET` instead of many `GET`s.
//!
//! A busy server looks up many responses at once. Most of the cost of a lookup, in this process and
//! in Redis, comes from the command and not from the value. So a few lookups are sent at once, each
//! by itself. While those or a batch are in flight, further lookups wait for the next batch. Redis
//! then works on one batch while this process works on the results of another.
//!
//! A lookup does not wait for another one that takes longer than [`MAX_DELAY`], or that its task
//! does not poll.

mod guard;
mod queue;
#[cfg(test)]
mod tests;

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::KeysInterface;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::{Admission, Batch, PendingGet, Queue, refuse, shutting_down};
use crate::connection::Connection;
use crate::home::Home;
use crate::patience::backstop;
use crate::usual_size::{UsualSize, values_within};

/// The maximum number of keys in one command. More keys would save nothing.
const MAX_KEYS: usize = 32;
/// The approximate maximum size of the reply to one command, in bytes.
///
/// The replies of as many keys as are in flight without a wait may be larger. So a small value does
/// not wait much longer for the others in its batch than for those that were sent before it.
const MAX_BATCH_BYTES: usize = 512 * 1024;
/// While fewer keys than this are in flight, no lookup waits.
const DIRECT_LIMIT: usize = 8;
/// The maximum time for which the queue waits for a command that is in flight.
///
/// If a command takes longer, the network is slow or Redis hangs.
const MAX_DELAY: Duration = Duration::from_millis(1);

/// Batches lookups, and tracks the usual size of their values.
#[derive(Default)]
pub(crate) struct GetBatcher {
    queue: Mutex<Queue>,
    usual: UsualSize,
}

type Answer = Result<Option<Bytes>, Error>;
/// The result of one command for many keys.
type Values = Result<Vec<Option<Bytes>>, Error>;
type Command = Pin<Box<dyn Future<Output = Values> + Send>>;

/// The connection, runtime and time limit for commands.
#[derive(Clone)]
pub(crate) struct BatchTarget {
    pub(crate) link: Arc<Connection>,
    pub(crate) home: Arc<Home>,
    pub(crate) limit: Duration,
}

impl GetBatcher {
    /// Returns the value under `key`.
    ///
    /// The caller limits the time. Another task may send the command, and its runtime may stand
    /// still.
    pub(crate) async fn get(self: &Arc<Self>, way: &BatchTarget, key: String) -> Answer {
        // A cluster rejects commands with keys in several slots.
        if self.most_keys() == 1 || way.link.is_clustered() {
            return Box::pin(self.get_now(way, key)).await;
        }
        // Not inside the `match`, which would hold the lock.
        let turn = self.queue().admit(key);
        match turn {
            // Boxed, because fred's future takes five kilobytes that a waiting lookup does not
            // need.
            Admission::SendNow { key, epoch } => {
                self.in_flight(way, 1, epoch).until_done(Box::pin(self.get_now(way, key))).await
            }
            Admission::Join { answer, needs_guard } => {
                if needs_guard {
                    guard::start(self, way);
                }
                answer.await.unwrap_or_else(|_| Err(shutting_down()))
            }
        }
    }

    async fn get_now(&self, way: &BatchTarget, key: String) -> Answer {
        let value: Answer = way.link.within(backstop(way.limit)).get(key).await;
        self.usual.record(value.iter().flatten());
        value
    }

    /// Sends a batch on its own task, because any of its callers may stop waiting.
    fn send(self: &Arc<Self>, way: &BatchTarget, batch: Batch) {
        let count = batch.pending.len();
        let (mut keys, mut answers) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for PendingGet { key, answer } in batch.pending {
            keys.push(key);
            answers.push(answer);
        }
        let client = way.link.within(backstop(way.limit));
        // Boxed, because Tokio would otherwise move all of it.
        let mut command: Command = Box::pin(async move { client.mget(keys).await });
        // This poll gives the command to fred before the callers of the last batch continue. So
        // Redis works on this batch while they work on their results. On a single thread, the
        // command would otherwise wait for all of them.
        let runtime = way.home.runtime();
        let _entered = runtime.enter();
        let sent = command.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        runtime.spawn(Arc::clone(self).get_all(way.clone(), command, sent, answers, batch.epoch));
    }

    async fn get_all(
        self: Arc<Self>,
        way: BatchTarget,
        command: Command,
        sent: Poll<Values>,
        answers: Vec<oneshot::Sender<Answer>>,
        epoch: u64,
    ) {
        let flight = self.in_flight(&way, answers.len(), epoch);
        let values = match sent {
            Poll::Pending => flight.until_done(command).await,
            Poll::Ready(values) => flight.until_done(ready(values)).await,
        };
        match values {
            Ok(values) if values.len() == answers.len() => {
                self.usual.record(values.iter().flatten());
                for (answer, value) in answers.into_iter().zip(values) {
                    // The send fails if the caller no longer waits.
                    let _ = answer.send(Ok(value));
                }
            }
            Ok(_) => refuse(answers, &Error::new(ErrorKind::Parse, "an answer to MGET of another length")),
            Err(error) => refuse(answers, &error),
        }
    }

    fn in_flight<'a>(self: &'a Arc<Self>, way: &'a BatchTarget, keys: usize, epoch: u64) -> InFlight<'a> {
        InFlight { gather: self, way, keys, epoch }
    }

    /// Records that keys have completed, and sends the waiting ones if they may go.
    fn completed(self: &Arc<Self>, way: &BatchTarget, keys: usize, epoch: u64) {
        let due = self.queue().completed(keys, epoch);
        if due {
            self.flush(way);
        }
    }

    /// Sends the keys that wait.
    fn flush(self: &Arc<Self>, way: &BatchTarget) {
        let most = self.most_keys();
        loop {
            let batch = self.queue().next(most);
            if batch.pending.is_empty() {
                // Another thread has sent them already.
                return;
            }
            let left = batch.left;
            self.send(way, batch);
            if left < most {
                // The remaining keys do not fill a command. They wait for the next turn.
                return;
            }
        }
    }

    fn most_keys(&self) -> usize {
        values_within(MAX_BATCH_BYTES, self.usual.get(), MAX_KEYS)
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // No change under this lock can be left half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number of keys that are in flight.
///
/// They count as completed once they are answered, their caller stops waiting, or they take too
/// long.
struct InFlight<'a> {
    gather: &'a Arc<GetBatcher>,
    way: &'a BatchTarget,
    keys: usize,
    epoch: u64,
}

impl InFlight<'_> {
    async fn until_done<T>(mut self, mut command: impl Future<Output = T> + Unpin) -> T {
        let in_time = timeout(MAX_DELAY, &mut command).await.ok();
        self.complete();
        match in_time {
            Some(answer) => answer,
            None => command.await,
        }
    }

    fn complete(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        if keys > 0 {
            self.gather.completed(self.way, keys, self.epoch);
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.complete();
    }
}
