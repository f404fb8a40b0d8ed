//! Measures how long a starting instance takes to read the log, and how much memory it uses then.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Args;
use larder_core::invalidation::position::LogId;
use larder_testing::RedisServer;
use tokio::process::Command;

use crate::instance::LogToRead;
use crate::process::{self, Memory};
use crate::redis::{self, Counts};

/// The number of rounds. The median counts.
const ROUNDS: usize = 5;

const HEAD: &str = "\
| invalidations in the log | replay | of it processor: instance | Redis | polls | resident after it | peak | the log in Redis |
| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |";

pub(crate) async fn table(lengths: &[u64]) -> Result<()> {
    println!("## Replay\n\n{HEAD}");
    for &length in lengths {
        let server = RedisServer::start().await?;
        let end = redis::fill(&server, length).await?;
        let bytes = redis::log_bytes(&server).await?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            let before = Counts::read(&server).await?;
            let replayed = start_child(&server, end).await?;
            let redis = Counts::read(&server).await?.since(before);
            rounds.push((replayed, redis));
        }
        rounds.sort_unstable_by_key(|(replayed, _)| replayed.micros);
        println!("{}", row(length, rounds[ROUNDS / 2], bytes));
    }
    println!();
    Ok(())
}

/// The measurement of one instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Replay {
    micros: u64,
    cpu_millis: u64,
    memory: Memory,
}

fn row(length: u64, (replayed, redis): (Replay, Counts), bytes: i64) -> String {
    let Replay { micros, cpu_millis, memory } = replayed;
    format!(
        "| {length} | {:.0} ms | {cpu_millis} ms | {:.0} ms | {} | {:.1} MiB | {:.1} MiB | {:.1} MiB |",
        micros as f64 / 1e3,
        redis.cpu * 1e3,
        redis.looks,
        memory.now as f64 / 1024.0,
        memory.peak as f64 / 1024.0,
        bytes as f64 / f64::from(1 << 20),
    )
}

impl Replay {
    fn print(self) -> String {
        format!("{} {} {} {}", self.micros, self.cpu_millis, self.memory.now, self.memory.peak)
    }

    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { micros: next()?, cpu_millis: next()?, memory: Memory { now: next()?, peak: next()? } })
    }
}

/// Starts an instance as a separate process, to measure its memory.
async fn start_child(server: &RedisServer, end: LogId) -> Result<Replay> {
    let mut child = Command::new(std::env::current_exe()?);
    child.args(["replay", "--redis", &server.url(), "--until", &end.to_string()]);
    let output = child.kill_on_drop(true).stderr(Stdio::inherit()).output().await?;
    if !output.status.success() {
        bail!("an instance failed: {}", output.status);
    }
    Replay::parse(&String::from_utf8_lossy(&output.stdout)).context("an instance said nothing")
}

/// Runs one instance until it has read the log to its end.
#[derive(Debug, Args)]
pub(crate) struct Child {
    #[command(flatten)]
    log: LogToRead,
}

impl Child {
    pub(crate) async fn run(&self) -> Result<()> {
        let begun = Instant::now();
        let _cache = self.log.read().await?;
        let micros = u64::try_from(begun.elapsed().as_micros())?;
        println!(
            "{}",
            Replay { micros, cpu_millis: process::cpu_millis()?, memory: Memory::read()? }.print()
        );
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_output_of_a_child_is_read_as_its_measurement() {
        let replayed =
            Replay { micros: 1_500_000, cpu_millis: 900, memory: Memory { now: 20_480, peak: 30_720 } };
        assert_eq!(Replay::parse(&replayed.print()), Some(replayed));
        assert_eq!(Replay::parse("1 2 3"), None);
        let redis = Counts { cpu: 0.8, looks: 71.0, ..Counts::default() };
        assert_eq!(
            row(1_000_000, (replayed, redis), 52_428_800),
            "| 1000000 | 1500 ms | 900 ms | 800 ms | 71 | 20.0 MiB | 30.0 MiB | 50.0 MiB |"
        );
    }
}
