//! The lag of each instance: the time between the reply to an append and its application.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use larder::Cache;
use larder_core::log::position::LogId;

use crate::instance;
use crate::quantile::Times;

/// How often the positions of the instances are read. This is the resolution of the lags.
const POLL_INTERVAL: Duration = Duration::from_micros(100);
/// An instance that takes longer has failed.
const MAX_LAG: Duration = Duration::from_secs(20);

/// An append, and when it was answered.
pub(crate) type Append = (LogId, Instant);

/// A thread that watches instances. It ends once it has seen every announced append, and no more
/// can be announced.
pub(crate) struct Watch {
    pub(crate) appended: Sender<Append>,
    watching: JoinHandle<Vec<Duration>>,
}

impl Watch {
    pub(crate) fn start(instances: Vec<Cache>) -> Self {
        let (appended, receiver) = channel();
        let watching = spawn(move || {
            let mut pending =
                instances.into_iter().map(|cache| (cache, PendingAppends::default())).collect::<Vec<_>>();
            watch(&receiver, &mut pending)
        });
        Self { appended, watching }
    }

    /// Returns the lags. No other thread may announce appends anymore.
    pub(crate) fn end(self) -> Result<Times> {
        drop(self.appended);
        self.watching.join().map(Times::new).map_err(|_| anyhow!("the watch failed"))
    }
}

fn watch(receiver: &Receiver<Append>, instances: &mut [(Cache, PendingAppends)]) -> Vec<Duration> {
    let mut lags = Vec::new();
    let mut last_append = Instant::now();
    loop {
        let more = loop {
            match receiver.try_recv() {
                Ok((id, answered)) => {
                    last_append = answered;
                    for (_, pending) in instances.iter_mut() {
                        pending.0.insert(id, answered);
                    }
                }
                Err(TryRecvError::Empty) => break true,
                Err(TryRecvError::Disconnected) => break false,
            }
        };
        for (cache, pending) in instances.iter_mut() {
            let at = instance::position(cache);
            lags.extend(pending.passed(at, Instant::now()));
        }
        let done = instances.iter().all(|(_, pending)| pending.0.is_empty());
        if !more && (done || last_append.elapsed() > MAX_LAG) {
            assert!(done, "an instance does not follow the log");
            return lags;
        }
        sleep(POLL_INTERVAL);
    }
}

/// The appends that an instance has not applied yet.
#[derive(Debug, Default)]
struct PendingAppends(BTreeMap<LogId, Instant>);

impl PendingAppends {
    /// Removes the appends that an instance at this position has applied, and returns their lags.
    /// An instance may apply an append before its reply arrives; the lag is then zero.
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
    fn a_passed_append_is_reported_once() {
        let begun = Instant::now();
        let after = |millis| begun + Duration::from_millis(millis);
        let mut pending =
            PendingAppends([(LogId::new(5, 0), after(10)), (LogId::new(5, 1), after(30))].into());
        assert!(pending.passed(LogId::new(4, 9), after(40)).is_empty());
        assert_eq!(pending.passed(LogId::new(5, 0), after(40)), [Duration::from_millis(30)]);
        assert_eq!(pending.passed(LogId::new(6, 0), after(20)), [Duration::ZERO]);
        assert!(pending.passed(LogId::new(6, 0), after(99)).is_empty());
    }
}
