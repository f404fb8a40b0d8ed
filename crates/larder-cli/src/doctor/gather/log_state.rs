//! The keys of the invalidation log.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fred::types::Value;

use crate::doctor::facts::{LogFacts, ServerFacts};
use crate::doctor::rules::log_rules::{TYPES, log_key};
use crate::redis_link::Link;
use crate::redis_link::values::{field, number, parts, text};

pub(super) async fn read(link: &Link, namespace: &str, servers: &[ServerFacts]) -> LogFacts {
    let mut log = LogFacts::default();
    for (what, _) in TYPES {
        let key = log_key(namespace, what);
        let answer = link.send_for(&key, &["TYPE", &key]).await.ok().and_then(|answer| text(&answer));
        if let Some(kind) = answer.filter(|kind| kind != "none") {
            log.types.insert(what, kind);
        }
    }
    read_events(link, &log_key(namespace, "events"), &mut log).await;
    log.beat = read_text(link, &log_key(namespace, "beat")).await.as_deref().and_then(seconds_ago);
    let record = read_text(link, &log_key(namespace, "incarnation")).await;
    log.began_on = record.as_deref().and_then(|record| record.split_once(' ')).map(|(_, run)| run.to_owned());
    log.run_id = run_id(link, namespace, servers).await;
    log
}

async fn read_events(link: &Link, key: &str, log: &mut LogFacts) {
    if let Ok(stream) = link.send_for(key, &["XINFO", "STREAM", key]).await {
        log.length = field(&stream, "length").and_then(number);
        log.added = field(&stream, "entries-added").and_then(number);
        log.oldest = field(&stream, "first-entry").and_then(age_of);
    }
    // Without samples, the size of a long Stream is measured quickly.
    let usage = link.send_for(key, &["MEMORY", "USAGE", key, "SAMPLES", "5"]).await;
    log.bytes = usage.ok().as_ref().and_then(number);
}

async fn read_text(link: &Link, key: &str) -> Option<String> {
    text(&link.send_for(key, &["GET", key]).await.ok()?)
}

/// Returns the age of an entry, from the milliseconds in its id.
fn age_of(entry: &Value) -> Option<Duration> {
    let id = text(parts(entry).first()?)?;
    let millis: u64 = id.split_once('-')?.0.parse().ok()?;
    Some(now().saturating_sub(Duration::from_millis(millis)))
}

fn seconds_ago(text: &str) -> Option<Duration> {
    Some(now().saturating_sub(Duration::from_secs(text.parse().ok()?)))
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Returns the run id of the server that has the log.
async fn run_id(link: &Link, namespace: &str, servers: &[ServerFacts]) -> Option<String> {
    if let [only] = servers {
        return only.info.get("run_id").map(str::to_owned);
    }
    let info = link.send_for(&log_key(namespace, "events"), &["INFO", "server"]).await.ok()?;
    let info = text(&info)?;
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(|id| id.trim().to_owned())
}
