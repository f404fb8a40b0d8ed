//! Values that are asked for while others are under way are asked for together: one `MGET` instead of many `GET`s.
//!
//! A busy server looks up many responses at once, and most of what a look-up costs, here and in Redis, is the command
//! and not the value. A few go their own way at once; while those or a batch are under way, who asks waits to be part of
//! the next one, so that Redis works on the one batch while this process works on what came with the other. No look-up
//! waits for another one that takes longer than a moment, or that its task does not poll.

mod guard;
mod queue;
#[cfg(test)]
mod tests;

use std::future::ready;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::KeysInterface;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use self::queue::{Batch, Queue, Turn, Wanted, refuse, shutting_down};
use crate::link::Link;

/// More keys in one command save nothing any more.
const MOST_KEYS: usize = 32;
/// While fewer keys than this are under way, nobody waits.
const FREE: usize = 8;
/// About how many bytes may come as one answer: small values should not have to wait for large ones.
const MOST_BYTES: usize = 128 * 1024;
/// What is under way for longer is not waited for: the network is slow, or Redis hangs.
const MOMENT: Duration = Duration::from_millis(1);

/// Even with a short limit for commands, a task gets this long to be run.
const LEAST_WAIT: Duration = Duration::from_millis(20);

/// The values that are asked for, and how large they usually are.
#[derive(Default)]
pub(crate) struct Gather {
    queue: Mutex<Queue>,
    /// In bytes: a running mean, in which each new value counts an eighth.
    usual: AtomicUsize,
}

type Answer = Result<Option<Bytes>, Error>;
/// What one command for many brings.
type Values = Result<Vec<Option<Bytes>>, Error>;
type Command = Pin<Box<dyn Future<Output = Values> + Send>>;

/// The way that commands take.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) link: Arc<Link>,
    pub(crate) runtime: Handle,
    pub(crate) limit: Duration,
}

impl Gather {
    /// The value under `key`.
    pub(crate) async fn get(self: &Arc<Self>, way: &Way, key: String) -> Answer {
        // A cluster refuses commands on keys of several slots.
        if self.most_keys() == 1 || way.link.is_clustered() {
            return Box::pin(self.get_alone(way, key)).await;
        }
        // Not part of the `match`, which would keep the lock.
        let turn = self.queue().turn(key);
        match turn {
            // Boxed, as fred's future takes five kilobytes, which those who wait have no use for.
            Turn::Alone { key, epoch } => {
                self.flight(way, 1, epoch).over(Box::pin(self.get_alone(way, key))).await
            }
            Turn::Together { answer, needs_guard } => {
                if needs_guard {
                    guard::start(self, way);
                }
                await_answer(answer, way.limit).await
            }
        }
    }

    async fn get_alone(&self, way: &Way, key: String) -> Answer {
        let value: Answer = way.link.within(way.limit).get(key).await;
        self.learn(value.iter().flatten());
        value
    }

    /// Sends off a batch, by itself, as any of those who asked may stop waiting.
    fn send(self: &Arc<Self>, way: &Way, batch: Batch) {
        let count = batch.wanted.len();
        let (mut keys, mut answers) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for Wanted { key, answer } in batch.wanted {
            keys.push(key);
            answers.push(answer);
        }
        let client = way.link.within(way.limit);
        // Boxed, as Tokio would move all of it about.
        let mut command: Command = Box::pin(async move { client.mget(keys).await });
        // fred has it now, before those go on whom the last batch was for: Redis works on the one while they work on the
        // other. On one thread it would otherwise wait for all of them.
        let _entered = way.runtime.enter();
        let sent = command.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        way.runtime.spawn(Arc::clone(self).get_all(way.clone(), command, sent, answers, batch.epoch));
    }

    async fn get_all(
        self: Arc<Self>,
        way: Way,
        command: Command,
        sent: Poll<Values>,
        answers: Vec<oneshot::Sender<Answer>>,
        epoch: u64,
    ) {
        let flight = self.flight(&way, answers.len(), epoch);
        let values = match sent {
            Poll::Pending => flight.over(command).await,
            Poll::Ready(values) => flight.over(ready(values)).await,
        };
        match values {
            Ok(values) if values.len() == answers.len() => {
                self.learn(values.iter().flatten());
                for (answer, value) in answers.into_iter().zip(values) {
                    // Who does not wait any more needs no answer.
                    let _ = answer.send(Ok(value));
                }
            }
            Ok(_) => refuse(answers, &Error::new(ErrorKind::Parse, "an answer to MGET of another length")),
            Err(error) => refuse(answers, &error),
        }
    }

    fn flight<'a>(self: &'a Arc<Self>, way: &'a Way, keys: usize, epoch: u64) -> Flight<'a> {
        Flight { gather: self, way, keys, epoch }
    }

    /// Takes so many keys for landed, and sends off those that wait, if their turn has come.
    fn landed(self: &Arc<Self>, way: &Way, keys: usize, epoch: u64) {
        let due = self.queue().landed(keys, epoch);
        if due {
            self.send_off(way);
        }
    }

    /// Sends off the keys that wait.
    fn send_off(self: &Arc<Self>, way: &Way) {
        let most = self.most_keys();
        loop {
            let batch = self.queue().next(most);
            if batch.wanted.is_empty() {
                // Another thread was here first.
                return;
            }
            let left = batch.left;
            self.send(way, batch);
            if left < most {
                // They do not fill a command of their own, and wait for the next turn.
                return;
            }
        }
    }

    fn most_keys(&self) -> usize {
        most_keys(self.usual.load(Ordering::Relaxed))
    }

    fn learn<'a>(&self, values: impl Iterator<Item = &'a Bytes>) {
        let before = self.usual.load(Ordering::Relaxed);
        let usual = values.fold(before, |usual, value| usual - usual / 8 + value.len() / 8);
        // Two at once may forget one of them, which no mean is changed by.
        if usual != before {
            self.usual.store(usual, Ordering::Relaxed);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock can be left half done.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the answer to a command that another task sends.
///
/// That task allows the command its own limit. The longer one here is for a runtime that stands still.
async fn await_answer(answer: oneshot::Receiver<Answer>, limit: Duration) -> Answer {
    match timeout(limit.saturating_mul(2).max(LEAST_WAIT), answer).await {
        Ok(answered) => answered.unwrap_or_else(|_| Err(shutting_down())),
        Err(_) => Err(Error::new(ErrorKind::Timeout, "the task that asks for it does not run")),
    }
}

const fn most_keys(usual: usize) -> usize {
    match MOST_BYTES.checked_div(usual) {
        Some(0) => 1,
        Some(most) if most < MOST_KEYS => most,
        Some(_) | None => MOST_KEYS,
    }
}

/// So many keys are under way. They have landed once they are answered, whoever asked stops waiting, or it takes too
/// long.
struct Flight<'a> {
    gather: &'a Arc<Gather>,
    way: &'a Way,
    keys: usize,
    epoch: u64,
}

impl Flight<'_> {
    async fn over<T>(mut self, mut command: impl Future<Output = T> + Unpin) -> T {
        let in_time = timeout(MOMENT, &mut command).await.ok();
        self.land();
        match in_time {
            Some(answer) => answer,
            None => command.await,
        }
    }

    fn land(&mut self) {
        let keys = std::mem::take(&mut self.keys);
        if keys > 0 {
            self.gather.landed(self.way, keys, self.epoch);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.land();
    }
}
