//! Values that are asked for at the same moment are asked for together: one `MGET` instead of many `GET`s.
//!
//! A busy server looks up many responses at once, and most of what a look-up costs, here and in Redis, is the command
//! and not the value. Nobody waits for company: what is gathered is what the tasks of this process have asked for by the
//! time that they all wait for something, and whoever is alone sends a `GET`.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::KeysInterface;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use crate::link::Link;

/// More keys in one command save nothing any more.
const MOST_KEYS: usize = 32;
/// About how many bytes may come as one answer: small values should not have to wait for large ones.
const MOST_BYTES: usize = 128 * 1024;

/// The values that are asked for, and how large they usually are.
#[derive(Default)]
pub(crate) struct Gather {
    wanted: Mutex<Vec<Wanted>>,
    /// In bytes: a running mean, in which each new value counts an eighth.
    usual: AtomicUsize,
}

struct Wanted {
    key: String,
    answer: oneshot::Sender<Answer>,
}

type Answer = Result<Option<Bytes>, Error>;

/// The way that commands take.
pub(crate) struct Way<'a> {
    pub(crate) link: &'a Arc<Link>,
    pub(crate) runtime: &'a Handle,
    pub(crate) limit: Duration,
}

impl Gather {
    /// The value under `key`.
    pub(crate) async fn get(self: &Arc<Self>, way: Way<'_>, key: String) -> Answer {
        // A cluster refuses commands on keys of several slots.
        if self.most_keys() == 1 || way.link.is_clustered() {
            return self.get_alone(&way, key).await;
        }
        let (answer, answered) = oneshot::channel();
        if self.ask(Wanted { key, answer }) {
            let alone = {
                let turn = Turn { gather: self, way: &way };
                // Whoever else is about to ask has done so when this goes on.
                yield_now().await;
                turn.alone()
            };
            if let Some(Wanted { key, .. }) = alone {
                return self.get_alone(&way, key).await;
            }
        }
        answered
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Canceled, "the runtime is shutting down")))
    }

    async fn get_alone(&self, way: &Way<'_>, key: String) -> Answer {
        let value: Answer = way.link.within(way.limit).get(key).await;
        self.learn(value.iter().flatten());
        value
    }

    /// Adds to what is wanted. Says whether it is the first, whose turn it is to send.
    fn ask(&self, wanted: Wanted) -> bool {
        let mut all = self.wanted();
        all.push(wanted);
        all.len() == 1
    }

    fn send(self: &Arc<Self>, way: &Way<'_>) {
        let mut all = std::mem::take(&mut *self.wanted());
        let most = self.most_keys();
        while !all.is_empty() {
            let rest = all.split_off(most.min(all.len()));
            let (gather, link, limit) = (Arc::clone(self), Arc::clone(way.link), way.limit);
            // By itself, as any of those who asked may stop waiting.
            way.runtime.spawn(async move { gather.get_all(&link, limit, all).await });
            all = rest;
        }
    }

    async fn get_all(&self, link: &Link, limit: Duration, all: Vec<Wanted>) {
        let (keys, answers): (Vec<_>, Vec<_>) = all.into_iter().map(|one| (one.key, one.answer)).unzip();
        let values: Result<Vec<Option<Bytes>>, Error> = link.within(limit).mget(keys).await;
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

    fn most_keys(&self) -> usize {
        most_keys(self.usual.load(Ordering::Relaxed))
    }

    fn learn<'a>(&self, values: impl Iterator<Item = &'a Bytes>) {
        let before = self.usual.load(Ordering::Relaxed);
        let usual = values.fold(before, |usual, value| usual - usual / 8 + value.len() / 8);
        // Two at once may forget one of them, which no mean is changed by.
        self.usual.store(usual, Ordering::Relaxed);
    }

    fn wanted(&self) -> MutexGuard<'_, Vec<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
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

/// The turn to send what is wanted. It ends with that, also where whoever has it stops waiting.
struct Turn<'a> {
    gather: &'a Arc<Gather>,
    way: &'a Way<'a>,
}

impl Turn<'_> {
    /// What is wanted, if it is one thing alone.
    fn alone(&self) -> Option<Wanted> {
        let mut all = self.gather.wanted();
        if all.len() == 1 { all.pop() } else { None }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.gather.send(self.way);
    }
}
