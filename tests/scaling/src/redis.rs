//! The server: filling its log, and reading its statistics.

use std::time::Duration;

use anyhow::{Context, Result};
use larder_core::invalidation::last_appends::LastAppends;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::{Incarnation, LogId};
use larder_core::invalidation::selector::{Event, Mode, Tag};
use larder_core::store::InvalidationLog as _;
use larder_redis::RedisStore;
use larder_testing::RedisServer;
use tokio::time::{Instant, sleep};

use crate::instance;

const EVENTS: &str = "larder:{larder:log}:events";

/// Appends entries like `append.lua`, with the tags `product:1`, `product:2` and so on, many in one
/// step.
const FILL: &str = "for i = ARGV[1], ARGV[2] do redis.call('XADD', KEYS[1], '*', 'h', 't:product:' .. i) end";
/// About as many entries as following instances allow between two checkpoints.
const ENTRIES_PER_STEP: u64 = 4_500;
/// The cursor of a new instance without any knowledge.
pub(crate) const NEW_INSTANCE: Cursor = Cursor {
    incarnation: Incarnation::from_bytes([0; 16]),
    after: LogId::ZERO,
    broken: false,
    capacity: 0,
    replaying: true,
    appends: LastAppends { newest: None, elsewhere: None },
};

/// Returns a hard invalidation of a tag.
pub(crate) fn event(number: u64) -> Event {
    Event { mode: Mode::Hard, selector: Tag::new(format!("product:{number}")).into() }
}

/// Creates a log with this many invalidations of distinct tags, at least one. Returns its last
/// position.
pub(crate) async fn fill(redis: &RedisServer, length: u64) -> Result<LogId> {
    let store = instance::store(&redis.url())?;
    append_when_connected(&store, &event(1)).await?;
    let mut first = 2;
    while first <= length {
        let last = (first + ENTRIES_PER_STEP - 1).min(length);
        redis.command(&["EVAL", FILL, "1", EVENTS, &first.to_string(), &last.to_string()]).await?;
        // Following instances poll after each append, and one of them leaves a checkpoint.
        store.poll(NEW_INSTANCE).await?;
        first = last + 1;
    }
    let newest = redis.command(&["XREVRANGE", EVENTS, "+", "-", "COUNT", "1"]).await?;
    let id = newest.as_array().and_then(|entries| entries.first()?.as_array()?.first()?.as_str());
    id.context("the log is empty")?.parse().ok().context("the log's end is no position")
}

/// Returns the position after which the log has this many entries.
pub(crate) async fn before_the_last(redis: &RedisServer, entries: u64) -> Result<LogId> {
    let count = (entries + 1).to_string();
    let last = redis.command(&["XREVRANGE", EVENTS, "+", "-", "COUNT", &count]).await?;
    let id = last.as_array().and_then(|entries| entries.last()?.as_array()?.first()?.as_str());
    id.context("the log is empty")?.parse().ok().context("the entry has no position")
}

/// Appends the event, and retries until the store has connected in the background.
pub(crate) async fn append_when_connected(store: &RedisStore, event: &Event) -> Result<LogId> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        match store.append(std::slice::from_ref(event)).await {
            Ok((_, id)) => return Ok(id),
            Err(error) if Instant::now() > deadline => return Err(error.into()),
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}

/// Returns the size of the log in Redis, in bytes.
pub(crate) async fn log_bytes(redis: &RedisServer) -> Result<i64> {
    let bytes = redis.command(&["MEMORY", "USAGE", EVENTS]).await?;
    bytes.as_integer().context("the log is gone")
}

/// The server's own statistics.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Counts {
    /// Seconds of processor time.
    pub(crate) cpu: f64,
    pub(crate) sent: f64,
    /// The size of the reply with these statistics in bytes. It is sent, but not yet counted.
    pub(crate) answer: f64,
    /// Each poll is one `XINFO STREAM`.
    pub(crate) looks: f64,
    /// Each alarm is one `XREAD`.
    pub(crate) alarms: f64,
    pub(crate) appends: f64,
    /// Calls of scripts.
    pub(crate) scripts: f64,
    /// All commands but `AUTH` and the like, also those that scripts call.
    pub(crate) commands: f64,
}

impl Counts {
    pub(crate) async fn read(redis: &RedisServer) -> Result<Self> {
        let info = redis.command(&["INFO", "everything"]).await?;
        Self::parse(info.as_str().unwrap_or_default()).context("counts are missing in what INFO says")
    }

    fn parse(info: &str) -> Option<Self> {
        let field = |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let number = |name| field(name)?.trim().parse::<f64>().ok();
        let calls = |command: &str| {
            // Commands that were never called are not listed.
            let Some(said) = field(&format!("cmdstat_{command}")) else { return Some(0.0) };
            said.strip_prefix("calls=")?.split(',').next()?.parse().ok()
        };
        Some(Self {
            cpu: number("used_cpu_user")? + number("used_cpu_sys")?,
            sent: number("total_net_output_bytes")?,
            answer: info.len() as f64,
            looks: calls("xinfo|stream")?,
            alarms: calls("xread")?,
            appends: calls("xadd")?,
            scripts: calls("evalsha")?,
            commands: number("total_commands_processed")?,
        })
    }

    /// Returns the difference to an earlier reading.
    pub(crate) fn since(self, before: Self) -> Self {
        Self {
            cpu: self.cpu - before.cpu,
            sent: self.sent - before.sent - before.answer,
            answer: self.answer,
            looks: self.looks - before.looks,
            alarms: self.alarms - before.alarms,
            appends: self.appends - before.appends,
            scripts: self.scripts - before.scripts,
            commands: self.commands - before.commands,
        }
    }

    /// Returns the number of scripts that appended, if there were only polls and appends.
    pub(crate) fn append_calls(self) -> f64 {
        (self.scripts - self.looks).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INFO: &str = "used_cpu_sys:0.250000\r\nused_cpu_user:0.500000\r\nused_cpu_sys_children:9\r\n\
        total_net_output_bytes:4000\r\n\
        cmdstat_xinfo|stream:calls=7,usec=70,usec_per_call=10.00,rejected_calls=0,failed_calls=0\r\n\
        cmdstat_xadd:calls=3,usec=9,usec_per_call=3.00,rejected_calls=0,failed_calls=0\r\n\
        cmdstat_evalsha:calls=9,usec=90,usec_per_call=10.00,rejected_calls=0,failed_calls=0\r\n\
        total_commands_processed:20\r\n";

    #[test]
    fn counts_are_found_in_what_info_says() {
        let counts = Counts::parse(INFO).unwrap();
        let expected = Counts {
            cpu: 0.75,
            sent: 4000.0,
            answer: INFO.len() as f64,
            looks: 7.0,
            alarms: 0.0,
            appends: 3.0,
            scripts: 9.0,
            commands: 20.0,
        };
        assert_eq!(counts, expected);
        assert_eq!(counts.append_calls(), 2.0);
        assert_eq!(Counts::parse("used_cpu_sys:1"), None);
        let since = counts.since(Counts { looks: 5.0, sent: 1000.0, answer: 100.0, ..counts });
        assert_eq!((since.looks, since.sent), (2.0, 2900.0));
    }

    /// The table of replays relies on this: the entries are read as the intended invalidations.
    #[tokio::test]
    async fn a_log_that_was_filled_is_read_as_what_it_says() {
        let redis = RedisServer::start().await.unwrap();
        let last = fill(&redis, 3).await.unwrap();
        let store = instance::store(&redis.url()).unwrap();
        append_when_connected(&store, &event(4)).await.unwrap();
        let look = store.poll(Cursor { capacity: 4, ..NEW_INSTANCE }).await.unwrap();
        let events: Vec<_> = look.entries.iter().flat_map(|(_, events)| events.clone()).collect();
        assert_eq!(events, [1, 2, 3, 4].map(event));
        assert_eq!(look.entries[3].0, last);
        assert!(log_bytes(&redis).await.unwrap() > 0);
    }
}
