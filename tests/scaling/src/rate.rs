//! The load of one Redis while instances follow the log, and the lag of the instances.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use larder::Cache;
use larder_core::invalidation::position::LogId;
use larder_testing::RedisServer;
use tokio::time::sleep;

use crate::instance;
use crate::lag::Watch;
use crate::load::Pace;
use crate::quantile::Times;
use crate::redis::{self, Counts};

const PACES: [Pace; 4] = [Pace::Idle, Pace::Steady(100), Pace::Steady(1_000), Pace::Flat(32)];

const HEAD: &str = "\
| instances | load | appended | not answered | lag p50 / p99 / max | polls and alarms of each instance | Redis: processor | per append | to each instance |
| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |";

pub(crate) async fn tables(instances: &[usize], during: Duration) -> Result<()> {
    println!("## Rate and lag\n\n{HEAD}");
    for pace in PACES {
        for &instances in instances {
            println!("{}", measure(instances, pace, during).await?.row());
        }
    }
    println!();
    Ok(())
}

/// The measurement of one number of instances under one load.
struct Measurement {
    instances: usize,
    pace: Pace,
    seconds: f64,
    answered: u64,
    failed: u64,
    lags: Times,
    counts: Counts,
}

async fn measure(instances: usize, pace: Pace, during: Duration) -> Result<Measurement> {
    let server = RedisServer::start().await?;
    let end = redis::fill(&server, 1).await?;
    let store = instance::store(&server.url())?;
    redis::append_when_connected(&store, &redis::event(0)).await?;
    let caches = start_followers(&server, instances, end).await?;

    let watch = Watch::start(caches);
    let (before, begun) = (Counts::read(&server).await?, Instant::now());
    let (answered, failed) = pace.run(&store, during, watch.appended.clone()).await?;
    let (counts, seconds) = (Counts::read(&server).await?.since(before), begun.elapsed().as_secs_f64());
    let lags = tokio::task::spawn_blocking(move || watch.end()).await??;
    Ok(Measurement { instances, pace, seconds, answered, failed, lags, counts })
}

/// Starts instances, and waits until they have read the log to this position.
async fn start_followers(server: &RedisServer, instances: usize, end: LogId) -> Result<Vec<Cache>> {
    let caches = (0..instances).map(|_| instance::start(&server.url())).collect::<Result<Vec<_>>>()?;
    let begun = Instant::now();
    while caches.iter().any(|cache| instance::position(cache) < end) {
        if begun.elapsed() > Duration::from_secs(20) {
            bail!("an instance does not read the log");
        }
        sleep(Duration::from_millis(5)).await;
    }
    Ok(caches)
}

impl Measurement {
    fn row(&self) -> String {
        let Self { counts, seconds, .. } = self;
        let per_instance = |number: f64| match self.instances {
            0 => "–".to_owned(),
            some => format!("{:.0}/s", number / seconds / some as f64),
        };
        let per_append = match self.answered {
            0 => "–".to_owned(),
            some => format!("{:.0} µs", counts.cpu * 1e6 / some as f64),
        };
        format!(
            "| {} | {} | {:.0}/s | {} | {} ms | {} + {} | {:.1} % | {per_append} | {} |",
            self.instances,
            self.pace.label(),
            self.answered as f64 / seconds,
            self.failed,
            self.lags.label(),
            per_instance(counts.looks),
            per_instance(counts.alarms),
            counts.cpu / seconds * 100.0,
            per_instance(counts.sent).replace("/s", " B/s"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_of_each_instance_and_each_second() {
        let counts = Counts {
            cpu: 0.5,
            sent: 4000.0,
            looks: 80.0,
            alarms: 40.0,
            appends: 1000.0,
            ..Counts::default()
        };
        let lags = Times::new(vec![Duration::from_millis(2)]);
        let measured = Measurement {
            instances: 4,
            pace: Pace::Flat(8),
            seconds: 2.0,
            answered: 1000,
            failed: 3,
            lags,
            counts,
        };
        assert_eq!(
            measured.row(),
            "| 4 | 8 writers, flat out | 500/s | 3 | 2.00 / 2.00 / 2.00 ms | 10/s + 5/s | 25.0 % | 500 µs | 500 B/s |"
        );
    }

    #[tokio::test]
    async fn instances_take_in_what_is_appended() {
        let measured = measure(2, Pace::Steady(50), Duration::from_millis(200)).await.unwrap();
        assert!(measured.answered > 0);
        assert!(measured.lags.at(100).is_some());
        assert!(measured.counts.looks >= 2.0);
    }
}
