//! The Lua scripts, and the code that runs them.
//!
//! fred's own `evalsha` ignores the options that make a command fail at once without a connection.
//! So scripts are sent as custom commands.

use std::time::Duration;

use fred::bytes_utils::Str;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::{ClusterHash, CustomCommand, Value};
use fred::util::sha1_hash;
use tokio::time::Instant;

use crate::connection::Connection;
use crate::shared_buffer::SharedBuffer;

/// The index of the first key, after the script and the number of keys.
const FIRST_KEY: usize = 2;

/// A script, and the digest by which the server knows it.
#[derive(Debug)]
pub(crate) struct Script {
    text: Str,
    sha: Str,
}

/// All scripts of a store.
#[derive(Debug)]
pub(crate) struct Scripts {
    pub(crate) look: Script,
    pub(crate) append: Script,
    pub(crate) set: Script,
    pub(crate) claim: Script,
    pub(crate) extend: Script,
    pub(crate) release: Script,
    pub(crate) reclaim: Script,
    pub(crate) beat: Script,
    pub(crate) switches: Script,
}

impl Scripts {
    pub(crate) fn new() -> Self {
        const LOOK: &str = concat!(
            include_str!("lua/incarnation.lua"),
            include_str!("lua/checkpoints.lua"),
            include_str!("lua/starts.lua"),
            include_str!("lua/log_page.lua"),
            include_str!("lua/poll_log.lua")
        );
        const APPEND: &str = concat!(
            include_str!("lua/incarnation.lua"),
            include_str!("lua/append_entries.lua"),
            include_str!("lua/append.lua")
        );
        const SET: &str = concat!(include_str!("lua/position.lua"), include_str!("lua/set.lua"));
        const RECLAIM: &str = concat!(include_str!("lua/position.lua"), include_str!("lua/reclaim.lua"));
        Self {
            look: Script::new(LOOK),
            append: Script::new(APPEND),
            set: Script::new(SET),
            claim: Script::new(include_str!("lua/claim.lua")),
            extend: Script::new(include_str!("lua/extend.lua")),
            release: Script::new(include_str!("lua/release.lua")),
            reclaim: Script::new(RECLAIM),
            beat: Script::new(include_str!("lua/heartbeat.lua")),
            switches: Script::new(include_str!("lua/switches.lua")),
        }
    }
}

impl Script {
    pub(crate) fn new(text: &'static str) -> Self {
        Self { text: Str::from_static(text), sha: Str::from(sha1_hash(text)) }
    }

    /// Runs the script within `limit`, on the node that has the first of its keys.
    pub(crate) async fn run(
        &self,
        link: &Connection,
        limit: Duration,
        keys: &[&str],
        arguments: &[Value],
    ) -> Result<Value, Error> {
        let deadline = Instant::now() + limit;
        let result = call(link, limit, "EVALSHA", &self.sha, keys, arguments).await;
        match result {
            // The server is new, or its scripts were flushed.
            Err(error) if error.details().starts_with("NOSCRIPT") => {
                let left = deadline.saturating_duration_since(Instant::now());
                // For fred, zero would mean no limit.
                let left = left.max(Duration::from_millis(1));
                call(link, left, "EVAL", &self.text, keys, arguments).await
            }
            result => result,
        }
    }

    /// Returns the arguments of an `EVALSHA` of this script.
    pub(crate) fn digest_call(&self, keys: &[&str], arguments: &[Value]) -> Vec<Value> {
        call_arguments(&self.sha, keys, arguments)
    }
}

async fn call(
    link: &Connection,
    limit: Duration,
    command: &'static str,
    script: &Str,
    keys: &[&str],
    arguments: &[Value],
) -> Result<Value, Error> {
    let sent = call_arguments(script, keys, arguments);
    let command = CustomCommand::new_static(command, ClusterHash::Offset(FIRST_KEY), false);
    link.within_at(limit, FIRST_KEY).custom(command, sent).await
}

fn call_arguments(script: &Str, keys: &[&str], arguments: &[Value]) -> Vec<Value> {
    let mut sent = Vec::with_capacity(2 + keys.len() + arguments.len());
    sent.push(Value::String(script.clone()));
    sent.push(Value::Integer(i64::try_from(keys.len()).unwrap_or(i64::MAX)));
    let mut names = SharedBuffer::with_capacity(keys.iter().map(|key| key.len()).sum());
    sent.extend(keys.iter().map(|key| names.add(key.as_bytes())));
    sent.extend_from_slice(arguments);
    sent
}
