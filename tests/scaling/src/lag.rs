//! How much later than the answer to an append each instance has taken it in.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use larder::Cache;
use larder_core::log::position::LogId;

use crate::instance;
use crate::quantile::Times;

/// How often instances are asked where they are. It is what the times are exact to.
const EVERY: Duration = Duration::from_micros(100);
/// What no instance has taken in by then, none will.
const PATIENCE: Duration = Duration::from_secs(20);

/// An append, and when it was answered.
pub(crate) type Appended = (LogId, Instant);

/// A thread that watches instances; it ends when it knows of each append that it was told, and no more can come.
pub(crate) struct Watch {
    pub(crate) tell: Sender<Appended>,
    watching: JoinHandle<Vec<Duration>>,
}

impl Watch {
    pub(crate) fn start(instances: Vec<Cache>) -> Self {
        let (tell, told) = channel();
        let watching = spawn(move || {
            let mut awaited =
                instances.into_iter().map(|cache| (cache, Awaited::default())).collect::<Vec<_>>();
            watch(&told, &mut awaited)
        });
        Self { tell, watching }
    }

    /// The lags, when nobody else can tell it of appends any more.
    pub(crate) fn end(self) -> Result<Times> {
        drop(self.tell);
        self.watching.join().map(Times::new).map_err(|_| anyhow!("the watch failed"))
    }
}

fn watch(told: &Receiver<Appended>, instances: &mut [(Cache, Awaited)]) -> Vec<Duration> {
    let mut lags = Vec::new();
    let mut last_told = Instant::now();
    loop {
        let more = loop {
            match told.try_recv() {
                Ok((id, answered)) => {
                    last_told = answered;
                    for (_, awaited) in instances.iter_mut() {
                        awaited.0.insert(id, answered);
                    }
                }
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
        };
        for (cache, awaited) in instances.iter_mut() {
            let at = instance::position(cache);
            lags.extend(awaited.passed(at, Instant::now()));
        }
        let done = instances.iter().all(|(_, awaited)| awaited.0.is_empty());
        if !more && (done || last_told.elapsed() > PATIENCE) {
            assert!(done, "an instance does not follow the log");
            return lags;
        }
        sleep(EVERY);
    }
}

/// What an instance has yet to take in.
#[derive(Debug, Default)]
struct Awaited(BTreeMap<LogId, Instant>);

impl Awaited {
    /// How long ago that was appended which an instance that is there now has taken in. It may be there before the
    /// append's answer is: that is no time at all.
    fn passed(&mut self, at: LogId, now: Instant) -> Vec<Duration> {
        let rest = self.0.split_off(&at.after());
        let passed = std::mem::replace(&mut self.0, rest);
        passed.into_values().map(|answered| now.saturating_duration_since(answered)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_is_told_once() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut awaited = Awaited([(LogId::new(5, 0), after(10)), (LogId::new(5, 1), after(30))].into());
        assert!(awaited.passed(LogId::new(4, 9), after(40)).is_empty());
        assert_eq!(awaited.passed(LogId::new(5, 0), after(40)), [Duration::from_millis(30)]);
        assert_eq!(awaited.passed(LogId::new(6, 0), after(20)), [Duration::ZERO]);
        assert!(awaited.passed(LogId::new(6, 0), after(99)).is_empty());
    }
}
