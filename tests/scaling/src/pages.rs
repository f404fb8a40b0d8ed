//! The time that Redis takes for a poll, by the number of events that the poll brings.

use std::time::Duration;

use anyhow::{Context as _, Result};
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::invalidation::position::LogId;
use larder_core::store::InvalidationLog as _;
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::time::sleep;

use crate::instance;
use crate::redis::{self, Counts};

const EVENTS_AT_ONCE: [u64; 7] = [0, 10, 32, 64, 100, 300, 1_000];
/// The number of events that are read in each row, and the minimum number of polls.
const EVENTS_OF_A_ROW: u64 = 500_000;
const MIN_READS: u64 = 2_000;

const HEAD: &str = "\
| events | polls | Redis: processor, for all polls | per event |
| ---: | ---: | ---: | ---: |";

pub(crate) async fn table() -> Result<()> {
    println!("## Polls by the number of events\n\n{HEAD}");
    let server = RedisServer::start().await?;
    let end = redis::fill(&server, 2_000).await?;
    let store = instance::store(&server.url())?;
    redis::append_when_connected(&store, &redis::event(0)).await?;
    let begun = store.poll(redis::NEW_INSTANCE).await?;
    for events in EVENTS_AT_ONCE {
        let after = redis::before_the_last(&server, events).await?;
        let cursor =
            Cursor { incarnation: begun.incarnation, after, replaying: false, ..redis::NEW_INSTANCE };
        println!("{}", measure(&server, &store, cursor, events).await?);
    }
    println!();
    anyhow::ensure!(end < begun.last, "the log does not end with the last append");
    Ok(())
}

/// Returns the row for reads of this many events from this position.
async fn measure(server: &RedisServer, store: &RedisStore, from: Cursor, events: u64) -> Result<String> {
    let reads = (EVENTS_OF_A_ROW / events.max(1)).clamp(MIN_READS, 4 * MIN_READS);
    // The first polls find out how large pages are, and may open a connection.
    for _ in 0..5 {
        read(store, from).await?;
        sleep(Duration::from_millis(20)).await;
    }
    let (before, mut polls) = (Counts::read(server).await?, 0);
    for _ in 0..reads {
        let (answers, found) = read(store, from).await?;
        anyhow::ensure!(found == events, "{found} events instead of {events}");
        polls += answers;
    }
    let counts = Counts::read(server).await?.since(before);
    Ok(row(events, polls as f64 / reads as f64, counts.cpu * 1e6 / reads as f64))
}

fn row(events: u64, polls: f64, micros: f64) -> String {
    let per_event = if events == 0 { "–".to_owned() } else { format!("{:.2} µs", micros / events as f64) };
    format!("| {events} | {polls:.1} | {micros:.0} µs | {per_event} |")
}

/// Reads to the end of the log. Returns the number of polls and of entries.
async fn read(store: &RedisStore, from: Cursor) -> Result<(u64, u64)> {
    let (mut cursor, mut polls, mut entries) = (from, 0, 0);
    loop {
        let page: LogPage = store.poll(cursor).await.context("a poll failed")?;
        polls += 1;
        entries += page.entries.len() as u64;
        if !page.more {
            return Ok((polls, entries));
        }
        cursor.after = page.entries.last().map_or(LogId::ZERO, |(id, _)| *id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_tells_what_each_event_takes() {
        assert_eq!(row(100, 1.0, 440.0), "| 100 | 1.0 | 440 µs | 4.40 µs |");
        assert_eq!(row(0, 1.0, 40.0), "| 0 | 1.0 | 40 µs | – |");
    }

    #[tokio::test]
    async fn all_events_after_a_position_are_read() {
        let server = RedisServer::start().await.unwrap();
        redis::fill(&server, 700).await.unwrap();
        let store = instance::store(&server.url()).unwrap();
        redis::append_when_connected(&store, &redis::event(0)).await.unwrap();
        let begun = store.poll(redis::NEW_INSTANCE).await.unwrap();
        let after = redis::before_the_last(&server, 600).await.unwrap();
        let cursor =
            Cursor { incarnation: begun.incarnation, after, replaying: false, ..redis::NEW_INSTANCE };
        let (polls, entries) = read(&store, cursor).await.unwrap();
        assert_eq!(entries, 600);
        assert!(polls >= 1);
    }
}
