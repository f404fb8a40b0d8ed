//! Values that are asked for while others are under way are asked for together: one `MGET` instead of many `GET`s.
//!
//! A busy server looks up many responses at once, and most of what a look-up costs, here and in Redis, is the command
//! and not the value. A few go their own way at once; while those or a batch are under way, who asks waits to be part of
//! the next one, so that Redis works on the one batch while this process works on what came with the other. Nobody waits
//! for what takes longer than a moment.

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

use crate::link::Link;

/// More keys in one command save nothing any more.
const MOST_KEYS: usize = 32;
/// While fewer keys than this are under way, nobody waits.
const FREE: usize = 8;
/// About how many bytes may come as one answer: small values should not have to wait for large ones.
const MOST_BYTES: usize = 128 * 1024;
/// What is under way for longer is not waited for: the network is slow, or Redis hangs.
const MOMENT: Duration = Duration::from_millis(1);

/// The values that are asked for, and how large they usually are.
#[derive(Default)]
pub(crate) struct Gather {
    state: Mutex<State>,
    /// In bytes: a running mean, in which each new value counts an eighth.
    usual: AtomicUsize,
}

#[derive(Default)]
struct State {
    waiting: Vec<Wanted>,
    /// How many keys are under way and waited for.
    under_way: usize,
}

struct Wanted {
    key: String,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Option<Bytes>, Error>;
/// What one command for many brings.
type Values = Result<Vec<Option<Bytes>>, Error>;
type Command = Pin<Box<dyn Future<Output = Values> + Send>>;

/// What to do for a value.
enum Turn {
    /// To ask for it.
    Alone(String),
    /// To wait for what others ask.
    Together(oneshot::Receiver<Answer>),
}

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
        match self.turn(key) {
            // Boxed, as fred's future takes five kilobytes, which those who wait have no use for.
            Turn::Alone(key) => self.flight(way, 1).over(Box::pin(self.get_alone(way, key))).await,
            Turn::Together(answer) => answer
                .await
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Canceled, "the runtime is shutting down"))),
        }
    }

    async fn get_alone(&self, way: &Way, key: String) -> Answer {
        let value: Answer = way.link.within(way.limit).get(key).await;
        self.learn(value.iter().flatten());
        value
    }

    /// Sends off a batch, by itself, as any of those who asked may stop waiting.
    fn send(self: &Arc<Self>, way: &Way, all: Vec<Wanted>) {
        let (mut keys, mut answers) = (Vec::with_capacity(all.len()), Vec::with_capacity(all.len()));
        for Wanted { key, answer } in all {
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
        way.runtime.spawn(Arc::clone(self).get_all(way.clone(), command, sent, answers));
    }

    async fn get_all(
        self: Arc<Self>,
        way: Way,
        command: Command,
        sent: Poll<Values>,
        answers: Vec<oneshot::Sender<Answer>>,
    ) {
        let flight = self.flight(&way, answers.len());
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

    fn turn(&self, key: String) -> Turn {
        let mut state = self.state();
        if state.under_way < FREE {
            state.under_way += 1;
            return Turn::Alone(key);
        }
        let (answer, answered) = oneshot::channel();
        state.waiting.push(Wanted { key, answer });
        Turn::Together(answered)
    }

    fn flight<'a>(self: &'a Arc<Self>, way: &'a Way, keys: usize) -> Flight<'a> {
        Flight { gather: self, way, keys }
    }

    /// Takes so many keys for landed, and sends off those that wait, if their turn has come.
    fn landed(self: &Arc<Self>, way: &Way, keys: usize) {
        let most = self.most_keys();
        let mut due = self.state().landed(keys);
        while due {
            let (batch, waiting) = self.state().next(most);
            if batch.is_empty() {
                // Another thread was here first.
                return;
            }
            self.send(way, batch);
            // What does not fill a command of its own waits for the next turn.
            due = waiting >= most;
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

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can be left half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes so many keys for landed. Says whether those may go who wait.
    fn landed(&mut self, keys: usize) -> bool {
        self.under_way -= keys;
        self.under_way < FREE
    }

    /// The first of those who wait, as many as one command takes, and how many still wait. They are under way from now on.
    fn next(&mut self, most: usize) -> (Vec<Wanted>, usize) {
        let mut rest = Vec::with_capacity(MOST_KEYS);
        rest.extend(self.waiting.drain(most.min(self.waiting.len())..));
        let waiting = rest.len();
        let batch = std::mem::replace(&mut self.waiting, rest);
        self.under_way += batch.len();
        (batch, waiting)
    }
}

const fn most_keys(usual: usize) -> usize {
    match MOST_BYTES.checked_div(usual) {
        Some(0) => 1,
        Some(most) if most < MOST_KEYS => most,
        Some(_) | None => MOST_KEYS,
    }
}

fn refuse(answers: Vec<oneshot::Sender<Answer>>, error: &Error) {
    for answer in answers {
        let _ = answer.send(Err(error.clone()));
    }
}

/// So many keys are under way. They have landed once they are answered, whoever asked stops waiting, or it takes too
/// long.
struct Flight<'a> {
    gather: &'a Arc<Gather>,
    way: &'a Way,
    keys: usize,
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
            self.gather.landed(self.way, keys);
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.land();
    }
}
