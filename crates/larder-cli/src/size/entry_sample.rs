//! The sizes of the entries that are stored already, from a bounded scan.

use std::time::{Duration, Instant};

use fred::types::config::Server;

use crate::cli_error::CliError;
use crate::redis_link::values::{number, parts, text};
use crate::redis_link::{Link, LinkError};
use crate::target::RedisTarget;

const KEYS_PER_CALL: &str = "250";
const MAX_CALLS: usize = 100;
const MAX_TIME: Duration = Duration::from_secs(5);
/// The number of entries that are measured.
const MAX_MEASURED: u64 = 500;

/// The result of a bounded scan of a namespace.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntrySample {
    /// The estimated number of stored responses.
    pub(crate) entries: u64,
    /// How many were measured.
    pub(crate) measured: u64,
    /// Whether all entries were seen.
    pub(crate) is_complete: bool,
    /// The mean of `MEMORY USAGE`. `None` if the user may not call it.
    pub(crate) mean_usage: Option<u64>,
    /// The mean length of the stored form. `None` if the user may not call `STRLEN`.
    pub(crate) mean_value: Option<u64>,
}

impl EntrySample {
    /// Returns the memory of all entries, by `MEMORY USAGE` of some.
    pub(crate) fn measured_bytes(&self) -> Option<u64> {
        Some(self.mean_usage?.saturating_mul(self.entries))
    }
}

/// A scan under way.
struct EntryScan<'a> {
    link: &'a Link,
    prefix: String,
    begun: Instant,
    /// Keys of any kind that were seen, and entries of the namespace.
    scanned: u64,
    found: u64,
    usage: Mean,
    value: Mean,
    is_complete: bool,
}

/// A mean. It becomes unknown with the first number that cannot be had.
#[derive(Debug, Default)]
struct Mean {
    sum: u64,
    count: u64,
    is_refused: bool,
}

/// Samples the entries of the namespace.
pub(crate) async fn take(target: &RedisTarget) -> Result<EntrySample, CliError> {
    let link = Link::open(target, Duration::from_secs(2), Duration::from_secs(20)).await?;
    let mut scan = EntryScan {
        link: &link,
        prefix: format!("larder:{}:v", target.namespace),
        begun: Instant::now(),
        scanned: 0,
        found: 0,
        usage: Mean::default(),
        value: Mean::default(),
        is_complete: true,
    };
    let mut keys = 0;
    for node in link.nodes() {
        keys += number_of_keys(&link, node.as_ref()).await;
        scan.run(node.as_ref()).await?;
    }
    let sample = scan.finish(keys);
    link.close().await;
    match sample {
        Some(sample) if sample.entries > 0 => Ok(sample),
        Some(_) => {
            Err(CliError::failed(format!("the namespace `{}` has no stored response", target.namespace)))
        }
        None => Err(CliError::refused(
            "the user may call neither MEMORY USAGE nor STRLEN: +memory|usage, or +strlen",
        )),
    }
}

async fn number_of_keys(link: &Link, node: Option<&Server>) -> u64 {
    let answer = link.send_to(node, &["DBSIZE"]).await.ok();
    answer.as_ref().and_then(number).unwrap_or_default()
}

impl EntryScan<'_> {
    async fn run(&mut self, node: Option<&Server>) -> Result<(), CliError> {
        let mut cursor = "0".to_owned();
        for _ in 0..MAX_CALLS {
            if self.begun.elapsed() > MAX_TIME {
                break;
            }
            let answer = self.link.send_to(node, &["SCAN", &cursor, "COUNT", KEYS_PER_CALL]).await;
            let answer = answer.map_err(|error| match error {
                LinkError::Refused(text) => CliError::refused(text),
                LinkError::Silent(text) => CliError::unreachable(text),
            })?;
            let [next, keys] = parts(&answer) else { break };
            for key in parts(keys).iter().filter_map(text) {
                self.take(&key).await;
            }
            cursor = text(next).unwrap_or_default();
            if cursor == "0" {
                return Ok(());
            }
        }
        self.is_complete = false;
        Ok(())
    }

    async fn take(&mut self, key: &str) {
        self.scanned += 1;
        if !key.starts_with(&self.prefix) || key.contains(":lease") {
            return;
        }
        self.found += 1;
        if self.found > MAX_MEASURED {
            return;
        }
        self.usage.take(self.link.send_for(key, &["MEMORY", "USAGE", key]).await);
        self.value.take(self.link.send_for(key, &["STRLEN", key]).await);
    }

    fn finish(self, keys: u64) -> Option<EntrySample> {
        let entries = match self.is_complete {
            true => self.found,
            false => self
                .found
                .saturating_mul(keys.max(self.scanned))
                .checked_div(self.scanned)
                .unwrap_or_default(),
        };
        let (mean_usage, mean_value) = (self.usage.get(), self.value.get());
        let is_known = entries == 0 || mean_usage.is_some() || mean_value.is_some();
        let measured = self.found.min(MAX_MEASURED);
        is_known.then_some(EntrySample {
            entries,
            measured,
            is_complete: self.is_complete,
            mean_usage,
            mean_value,
        })
    }
}

impl Mean {
    fn take(&mut self, answer: Result<fred::types::Value, LinkError>) {
        match answer {
            // A key that has expired meanwhile has no size.
            Ok(answer) => {
                if let Some(bytes) = number(&answer).filter(|bytes| *bytes > 0) {
                    self.sum += bytes;
                    self.count += 1;
                }
            }
            Err(_) => self.is_refused = true,
        }
    }

    fn get(&self) -> Option<u64> {
        if self.is_refused { None } else { self.sum.checked_div(self.count) }
    }
}
