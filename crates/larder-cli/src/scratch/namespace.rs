//! The namespace of a command, and how its keys are removed.

use std::time::{Duration, Instant};

use fred::types::config::Server;

use crate::cli_error::CliError;
use crate::redis_link::Link;
use crate::redis_link::values::{parts, text};
use crate::target::RedisTarget;

/// Each key expires after this time, in case that it cannot be removed.
pub(crate) const EXPIRY: Duration = Duration::from_secs(300);
/// How long to look for keys to remove.
const CLEAN_UP_LIMIT: Duration = Duration::from_secs(30);
/// How often to look for them. The last round finds none.
const MAX_ROUNDS: usize = 5;
const KEYS_PER_CALL: &str = "1000";
const LOG_KEYS: [&str; 9] =
    ["events", "incarnation", "beat", "marks", "fence", "starts", "switches", "sights", "instances"];

/// A namespace that nothing else uses.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(String);

impl Namespace {
    /// Returns a new namespace of this command.
    pub(crate) fn new(command: &str) -> Self {
        Self(format!("cli-{command}-{:016x}", fastrand::u64(..)))
    }

    /// Returns the target of the same Redis with this namespace.
    pub(crate) fn target(&self, target: &RedisTarget) -> RedisTarget {
        RedisTarget { namespace: self.0.clone(), ..target.clone() }
    }

    /// Returns the name of a stored response in Redis.
    pub(crate) fn response(&self, address: &str) -> String {
        format!("larder:{}:v1:{address}", self.0)
    }

    /// Removes every key of the namespace, over a connection of its own.
    ///
    /// # Errors
    ///
    /// Returns an error if keys may be left. They expire.
    pub(crate) async fn clean_up(&self, target: &RedisTarget) -> Result<(), CliError> {
        let link = Link::open(target, Duration::from_secs(5), CLEAN_UP_LIMIT * 2).await?;
        let begun = Instant::now();
        let mut is_clean = false;
        // A write that was under way can come after the first round.
        for _ in 0..MAX_ROUNDS {
            is_clean = self.remove_all(&link, begun).await == Some(0);
            if is_clean {
                break;
            }
        }
        link.close().await;
        match is_clean {
            true => Ok(()),
            false => Err(CliError::failed(format!(
                "keys of the namespace `{}` may be left. They expire within {} minutes",
                self.0,
                EXPIRY.as_secs() / 60
            ))),
        }
    }

    /// Removes the keys that are there. Returns their number, or `None` if it could not see all.
    async fn remove_all(&self, link: &Link, begun: Instant) -> Option<usize> {
        let mut removed = 0;
        for what in LOG_KEYS {
            let key = format!("larder:{{{}:log}}:{what}", self.0);
            let answer = link.send_for(&key, &["UNLINK", &key]).await.ok()?;
            removed += usize::from(text(&answer).as_deref() == Some("1"));
        }
        for node in link.nodes() {
            removed += self.remove_from(link, node.as_ref(), begun).await?;
        }
        Some(removed)
    }

    async fn remove_from(&self, link: &Link, node: Option<&Server>, begun: Instant) -> Option<usize> {
        let pattern = format!("larder:{}:*", self.0);
        let (mut cursor, mut removed) = ("0".to_owned(), 0);
        loop {
            let words = ["SCAN", &cursor, "MATCH", &pattern, "COUNT", KEYS_PER_CALL];
            let answer = link.send_to(node, &words).await.ok()?;
            let [next, keys] = parts(&answer) else { return None };
            for key in parts(keys).iter().filter_map(text) {
                link.send_for(&key, &["UNLINK", &key]).await.ok()?;
                removed += 1;
            }
            cursor = text(next)?;
            if cursor == "0" {
                return Some(removed);
            }
            if begun.elapsed() > CLEAN_UP_LIMIT {
                return None;
            }
        }
    }
}
