//! The load of one Redis while instances in processes of their own follow the log.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, ensure};
use clap::Args;
use larder::feed::{FeedItem, InvalidationFeed};
use larder_core::invalidation::position::LogId;
use larder_testing::RedisServer;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child as Process, ChildStdin, ChildStdout, Command};
use tokio::time::{sleep, timeout};

use crate::instance::{self, LogToRead};
use crate::lag::Append;
use crate::load::Pace;
use crate::quantile::Times;
use crate::redis::{self, Counts};

const PACES: [Pace; 4] = [Pace::Idle, Pace::Steady(100), Pace::Steady(1_000), Pace::Flat(32)];
const PATIENCE: Duration = Duration::from_secs(30);
/// After this time, each instance has announced itself twice, so each knows how many there are.
const TWO_ANNOUNCEMENTS: Duration = Duration::from_secs(7);
/// The number of lags of one instance that are looked at.
const SAMPLES: usize = 20_000;

const HEAD: &str = "\
| instances | load | appended | events of an append | lag p50 / p99 / max | polls and alarms of each instance | Redis: processor | per event and instance | idle processors |
| ---: | --- | ---: | ---: | --- | ---: | ---: | ---: | ---: |";

pub(crate) async fn tables(instances: &[usize], during: Duration) -> Result<()> {
    println!("## Instances in processes\n\n{HEAD}");
    for pace in PACES {
        for &instances in instances.iter().filter(|number| **number > 0) {
            println!("{}", measure(instances, pace, during).await?);
        }
    }
    println!();
    Ok(())
}

async fn measure(instances: usize, pace: Pace, during: Duration) -> Result<String> {
    let server = RedisServer::start().await?;
    let end = redis::fill(&server, 1).await?;
    let store = instance::store(&server.url())?;
    redis::append_when_connected(&store, &redis::event(0)).await?;
    let mut followers = Vec::new();
    for _ in 0..instances {
        followers.push(Follower::start(&server, end)?);
    }
    for follower in &mut followers {
        follower.wait_until_ready().await?;
    }
    sleep(TWO_ANNOUNCEMENTS).await;

    let (sender, appended) = channel();
    let (before, idle, begun) = (Counts::read(&server).await?, idle_seconds()?, Instant::now());
    let (answered, failed) = pace.run(&store, during, sender).await?;
    let (counts, seconds) = (Counts::read(&server).await?.since(before), begun.elapsed().as_secs_f64());
    let idle = idle_seconds()? - idle;
    ensure!(failed == 0, "{failed} appends failed");
    let appended = Appended::new(&appended);
    let mut lags = Vec::new();
    for follower in followers {
        lags.extend(appended.lags(&follower.end().await?));
    }
    let per_instance = |number: f64| number / seconds / instances as f64;
    Ok(format!(
        "| {instances} | {} | {:.0}/s | {:.1} | {} ms | {:.0} + {:.0}/s | {:.1} % | {:.1} µs | {:.2} |",
        pace.label(),
        answered as f64 / seconds,
        counts.appends / counts.append_calls().max(1.0),
        Times::new(lags).label(),
        per_instance(counts.looks),
        per_instance(counts.alarms),
        counts.cpu / seconds * 100.0,
        counts.cpu * 1e6 / answered.max(1) as f64 / instances as f64,
        idle / seconds,
    ))
}

/// Returns how long the processors had nothing to do since the start of the system, in seconds.
fn idle_seconds() -> Result<f64> {
    let stat =
        std::fs::read_to_string("/proc/stat").context("cannot read the idle time, which needs Linux")?;
    let idle = stat.lines().next().and_then(|all| all.split_whitespace().nth(4)?.parse::<f64>().ok());
    idle.map(|hundredths| hundredths / 100.0).context("no idle time in what Linux says")
}

/// When appends were answered, in microseconds of the wall clock.
struct Appended(HashMap<LogId, u64>);

impl Appended {
    fn new(appended: &Receiver<Append>) -> Self {
        let (now, wall) = (Instant::now(), wall_micros());
        let at = |answered: Instant| wall.saturating_sub(micros(now.saturating_duration_since(answered)));
        let appended: Vec<Append> = appended.try_iter().collect();
        let step = appended.len().div_ceil(SAMPLES).max(1);
        Self(appended.into_iter().step_by(step).map(|(id, answered)| (id, at(answered))).collect())
    }

    fn lags(&self, applied: &[(LogId, u64)]) -> Vec<Duration> {
        let lag = |(id, at): &(LogId, u64)| Some(Duration::from_micros(at.saturating_sub(*self.0.get(id)?)));
        applied.iter().filter_map(lag).collect()
    }
}

fn wall_micros() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, micros)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// An instance in a process of its own.
struct Follower {
    process: Process,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Follower {
    fn start(server: &RedisServer, end: LogId) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["follow", "--redis", &server.url(), "--until", &end.to_string()]);
        let mut process = command.kill_on_drop(true).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let input = process.stdin.take().context("no input")?;
        let output = process.stdout.take().context("no output")?;
        Ok(Self { process, input, output: BufReader::new(output).lines() })
    }

    async fn wait_until_ready(&mut self) -> Result<()> {
        timeout(PATIENCE, self.output.next_line()).await??.context("an instance has ended")?;
        Ok(())
    }

    /// Ends the instance. Returns the entries that it has applied, and when.
    async fn end(self) -> Result<Vec<(LogId, u64)>> {
        let Self { mut process, input, mut output } = self;
        drop(input);
        let mut applied = Vec::new();
        while let Some(line) = timeout(PATIENCE, output.next_line()).await?? {
            applied.push(parse(&line).context("no entry")?);
        }
        ensure!(process.wait().await?.success(), "an instance failed");
        Ok(applied)
    }
}

fn parse(line: &str) -> Option<(LogId, u64)> {
    let (id, at) = line.split_once(' ')?;
    Some((id.parse().ok()?, at.parse().ok()?))
}

/// Runs one instance until its input ends. Then it prints what it has applied.
#[derive(Debug, Args)]
pub(crate) struct Child {
    #[command(flatten)]
    log: LogToRead,
}

impl Child {
    pub(crate) async fn run(&self) -> Result<()> {
        let cache = self.log.read().await?;
        let mut feed = cache.invalidations();
        println!("ready");
        let (mut applied, mut input) = (Vec::new(), tokio::io::stdin());
        tokio::select! {
            () = watch(&mut feed, &mut applied) => {}
            ended = async { input.read_to_end(&mut Vec::new()).await } => drop(ended?),
        }
        let lines: String = applied.iter().map(|(id, at)| format!("{id} {at}\n")).collect();
        print!("{lines}");
        Ok(())
    }
}

/// Notes when each entry was applied, until the cache ends. Missed entries are left out.
async fn watch(feed: &mut InvalidationFeed, applied: &mut Vec<(LogId, u64)>) {
    while let Some(item) = feed.next().await {
        if let FeedItem::Invalidation(event) = item {
            applied.extend(event.log_id.map(|id| (id, wall_micros())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lag_is_the_time_from_the_answer_to_the_application() {
        let (sender, receiver) = channel();
        let now = Instant::now();
        sender.send((LogId::new(5, 1), now)).unwrap();
        let appended = Appended::new(&receiver);
        let at = appended.0[&LogId::new(5, 1)];
        let applied = [(LogId::new(5, 1), at + 700), (LogId::new(5, 2), at), (LogId::new(5, 1), at - 1)];
        assert_eq!(appended.lags(&applied), [Duration::from_micros(700), Duration::ZERO]);
    }

    #[test]
    fn what_an_instance_prints_is_read() {
        assert_eq!(parse("5-1 77"), Some((LogId::new(5, 1), 77)));
        assert_eq!(parse("ready"), None);
        assert!(idle_seconds().unwrap() > 0.0);
    }
}
