//! Invalidations that are appended at full speed or at a steady rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use anyhow::Result;
use larder_core::store::Log as _;
use larder_redis::RedisStore;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::lag::Append;
use crate::redis::event;

/// The rate of appends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pace {
    /// No appends.
    Idle,
    /// This many per second, independent of earlier ones.
    Steady(u32),
    /// This many writers. Each appends again as soon as the previous append is answered.
    Flat(u32),
}

/// At full speed, the lag of only one in this many appends is watched, to limit the cost of
/// watching.
const SAMPLE: u64 = 50;

impl Pace {
    pub(crate) fn label(self) -> String {
        match self {
            Self::Idle => "none".to_owned(),
            Self::Steady(rate) => format!("{rate}/s"),
            Self::Flat(writers) => format!("{writers} writers, flat out"),
        }
    }

    /// Appends for this long. Returns how many appends were answered, and how many failed.
    pub(crate) async fn run(
        self,
        store: &RedisStore,
        during: Duration,
        appended: Sender<Append>,
    ) -> Result<(u64, u64)> {
        let load = Load {
            store: store.clone(),
            appended,
            next: Arc::new(AtomicU64::new(0)),
            sample: if matches!(self, Self::Flat(_)) { SAMPLE } else { 1 },
        };
        let until = Instant::now() + during;
        let answered = match self {
            Self::Idle => {
                tokio::time::sleep(during).await;
                0
            }
            Self::Flat(writers) => load.flat(writers, until).await?,
            Self::Steady(rate) => load.steady(rate, until).await?,
        };
        Ok((answered, load.next.load(Ordering::Relaxed) - answered))
    }
}

#[derive(Clone)]
struct Load {
    store: RedisStore,
    appended: Sender<Append>,
    next: Arc<AtomicU64>,
    sample: u64,
}

impl Load {
    async fn flat(&self, writers: u32, until: Instant) -> Result<u64> {
        let mut tasks = JoinSet::new();
        for _ in 0..writers {
            let load = self.clone();
            tasks.spawn(async move {
                let mut answered = 0;
                while Instant::now() < until {
                    answered += u64::from(load.append().await);
                }
                answered
            });
        }
        let mut answered = 0;
        while let Some(of_one) = tasks.join_next().await {
            answered += of_one?;
        }
        Ok(answered)
    }

    async fn steady(&self, rate: u32, until: Instant) -> Result<u64> {
        let mut ticks = interval(Duration::from_secs(1) / rate);
        // Late ticks are sent immediately.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let mut tasks = JoinSet::new();
        while Instant::now() < until {
            ticks.tick().await;
            let load = self.clone();
            tasks.spawn(async move { load.append().await });
        }
        let mut answered = 0;
        while let Some(one) = tasks.join_next().await {
            answered += u64::from(one?);
        }
        Ok(answered)
    }

    /// Appends one event. Returns whether it was answered.
    async fn append(&self) -> bool {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Ok((_, id)) = self.store.append(&[event(number)]).await else { return false };
        if number.is_multiple_of(self.sample) {
            // The watch runs until the last sender is dropped.
            let _ = self.appended.send((id, std::time::Instant::now()));
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use larder_testing::RedisServer;

    use super::*;
    use crate::{instance, redis};

    #[test]
    fn a_pace_says_what_it_is() {
        assert_eq!(Pace::Steady(1000).label(), "1000/s");
        assert_eq!(Pace::Flat(32).label(), "32 writers, flat out");
    }

    #[tokio::test]
    async fn an_answered_append_is_in_the_log() {
        let server = RedisServer::start().await.unwrap();
        let end = redis::fill(&server, 1).await.unwrap();
        let store = instance::store(&server.url()).unwrap();
        redis::append_when_connected(&store, &event(0)).await.unwrap();
        for pace in [Pace::Flat(2), Pace::Steady(100)] {
            let before = redis::Counts::read(&server).await.unwrap();
            let (appended, received) = std::sync::mpsc::channel();
            let (answered, failed) = pace.run(&store, Duration::from_millis(100), appended).await.unwrap();
            let counts = redis::Counts::read(&server).await.unwrap().since(before);
            assert!(answered > 0, "{pace:?}");
            assert!((answered as f64..=(answered + failed) as f64).contains(&counts.appends), "{pace:?}");
            assert!(received.iter().all(|(id, _)| id > end), "{pace:?}");
        }
    }
}
