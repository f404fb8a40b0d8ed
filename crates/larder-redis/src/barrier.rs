//! Waiting until writes are on the disk or on replicas.
//!
//! `WAIT` and `WAITAOF` apply to the writes of their own connection, and hold up every later
//! command on it. So they have a connection for themselves. It first writes a small value, the
//! barrier: a disk or a replica that has the barrier has all that was written before it. One wait
//! serves all callers that came before its barrier.
//!
//! On a new connection, `WAIT` returns at once. And after a failover, the server may lack the write
//! that a caller waits for. So a wait counts only if the connection stayed the same, and if the
//! server of the wait remembers the caller's write.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fred::error::Error;
use fred::interfaces::ClientLike;
use fred::types::cluster::ClusterRouting;
use fred::types::config::{Config, Options, Server};
use fred::types::{ClusterHash, CustomCommand, Value};
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{DurabilityMethod, WaitReply, WriteId};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout_at};

use crate::config_check::ConfigCheck;
use crate::connection::Connection;
use crate::home::Home;
use crate::queue_names::PartitionNames;
use crate::reply::{bytes, number, parts, text, unreadable};
use crate::script::Script;
use crate::timeouts::ALARM_GRACE;

/// The connection for waits, and the waits that succeeded.
pub(crate) struct Barrier {
    pub(crate) link: Arc<Connection>,
    /// The number of waits that have begun.
    begun: AtomicU64,
    /// The last success of each kind of wait.
    ///
    /// Its lock admits one wait at a time, because the server executes them one after the other.
    successes: Mutex<HashMap<Kind, Success>>,
}

/// The kind of a wait: one wait serves all callers of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kind {
    /// The primary. `None` outside a cluster.
    node: Option<Server>,
    method: DurabilityMethod,
}

/// A wait that succeeded.
struct Success {
    /// Its number, in the order of beginnings.
    number: u64,
    /// The run id of its server.
    run: Bytes,
}

/// A write to wait for.
pub(crate) struct Awaited<'a> {
    pub(crate) names: &'a PartitionNames,
    pub(crate) id: WriteId,
    /// Its sequence number, if that is known.
    pub(crate) sequence: Option<u64>,
    /// The primary that has the write. `None` outside a cluster.
    pub(crate) node: Option<Server>,
    pub(crate) method: DurabilityMethod,
    pub(crate) deadline: Instant,
    /// `queue_confirm.lua`
    pub(crate) confirm: &'a Script,
}

/// The answer of `queue_confirm.lua`.
#[derive(Debug, PartialEq, Eq)]
struct Confirmation {
    run: Bytes,
    is_remembered: bool,
}

impl Barrier {
    pub(crate) fn open(config: Config, home: &Arc<Home>) -> Self {
        Self {
            link: Connection::open(config, home, ConfigCheck::Done, None),
            begun: AtomicU64::new(0),
            successes: Mutex::default(),
        }
    }

    /// Waits until the write is durable.
    pub(crate) async fn wait(&self, awaited: &Awaited<'_>) -> Result<WaitReply, StoreError> {
        let begun_before = self.begun.load(Ordering::SeqCst);
        let Ok(mut successes) = timeout_at(awaited.deadline, self.successes.lock()).await else {
            return Ok(WaitReply::NotYet);
        };
        let kind = Kind { node: awaited.node.clone(), method: awaited.method };
        if let Some(success) = successes.get(&kind).filter(|success| success.number > begun_before) {
            let run = success.run.clone();
            drop(successes);
            let now = self.confirm(awaited).await?;
            return if now.run == run { Ok(now.reply()) } else { Err(moved()) };
        }
        let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let before = self.confirm(awaited).await?;
        if !before.is_remembered {
            return Ok(WaitReply::Lost);
        }
        if !self.wait_on_server(awaited).await? {
            return Ok(WaitReply::NotYet);
        }
        let after = self.confirm(awaited).await?;
        if after.run != before.run {
            return Err(moved());
        }
        successes.insert(kind, Success { number, run: after.run.clone() });
        Ok(after.reply())
    }

    /// Writes the barrier and waits for it. Returns whether it is durable.
    async fn wait_on_server(&self, awaited: &Awaited<'_>) -> Result<bool, StoreError> {
        let left = remaining(awaited.deadline);
        let millis = i64::try_from(left.as_millis()).unwrap_or(i64::MAX);
        let (command, arguments) = match awaited.method {
            DurabilityMethod::Reply => return Ok(true),
            DurabilityMethod::WaitAof => ("WAITAOF", vec![1.into(), 0.into(), millis.into()]),
            DurabilityMethod::WaitReplicas(count) => ("WAIT", vec![count.get().into(), millis.into()]),
        };
        let written = vec![awaited.names.barrier().into(), "1".into()];
        // They are sent in this order, and at once.
        let (first, set, reply, last) = tokio::join!(
            self.send(awaited, "CLIENT", vec!["ID".into()]),
            self.send(awaited, "SET", written),
            self.send(awaited, command, arguments),
            self.send(awaited, "CLIENT", vec!["ID".into()]),
        );
        let answers = [first, set, reply, last].into_iter().collect::<Result<Vec<_>, _>>();
        let answers = answers.map_err(|error| self.link.to_store_error(&error))?;
        let [first, _, reply, last] = &*answers else { return Err(unreadable("the answers to a wait")) };
        if number(first).is_none() || number(first) != number(last) {
            return Err(moved());
        }
        let required = match awaited.method {
            DurabilityMethod::WaitReplicas(count) => i64::from(count.get()),
            _ => 1,
        };
        let acknowledged = match parts(reply) {
            Some(parts) => parts.first().and_then(number),
            None => number(reply),
        };
        Ok(acknowledged.ok_or_else(|| unreadable("the answer to a wait"))? >= required)
    }

    async fn send(
        &self,
        awaited: &Awaited<'_>,
        command: &'static str,
        arguments: Vec<Value>,
    ) -> Result<Value, Error> {
        let slot = ClusterRouting::hash_key(awaited.names.state().as_bytes());
        let options = self.link.options(remaining(awaited.deadline) + ALARM_GRACE);
        let options = Options { cluster_hash: Some(ClusterHash::Custom(slot)), ..options };
        let command = CustomCommand::new_static(command, ClusterHash::Random, false);
        self.link.with(&options).custom(command, arguments).await
    }

    async fn confirm(&self, awaited: &Awaited<'_>) -> Result<Confirmation, StoreError> {
        let limit = remaining(awaited.deadline) + ALARM_GRACE;
        let id = [Value::Bytes(Bytes::copy_from_slice(&awaited.id.to_bytes()))];
        let answer = awaited.confirm.run(&self.link, limit, &[awaited.names.ids()], &id).await;
        let answer = answer.map_err(|error| self.link.to_store_error(&error))?;
        Confirmation::read(&answer, awaited.sequence).ok_or_else(|| unreadable("the confirmation of a write"))
    }
}

impl Confirmation {
    /// Reads the answer. A write with the id and another number than `expected` is another write.
    fn read(answer: &Value, expected: Option<u64>) -> Option<Self> {
        let [run, sequence] = parts(answer)? else { return None };
        let is_remembered = match (text(sequence)?, expected) {
            ("", _) => false,
            (_, None) => true,
            (sequence, Some(expected)) => sequence.parse() == Ok(expected),
        };
        Some(Self { run: bytes(run)?, is_remembered })
    }

    fn reply(&self) -> WaitReply {
        if self.is_remembered { WaitReply::Durable } else { WaitReply::Lost }
    }
}

/// Returns the time until the deadline. Redis takes zero as forever, so it is at least 1 ms.
fn remaining(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

fn moved() -> StoreError {
    StoreError::new(StoreErrorKind::Unreachable, "the connection changed during a wait")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_read_for_what_it_is() {
        let answer = |parts: &[&str]| Value::Array(parts.iter().map(|part| Value::from(*part)).collect());
        let read = Confirmation::read(&answer(&["ab", "7"]), None).unwrap();
        assert_eq!(read, Confirmation { run: Bytes::from_static(b"ab"), is_remembered: true });
        assert_eq!(read.reply(), WaitReply::Durable);
        assert_eq!(Confirmation::read(&answer(&["", ""]), None).unwrap().reply(), WaitReply::Lost);
        for (expected, reply) in [(7, WaitReply::Durable), (6, WaitReply::Lost)] {
            let read = Confirmation::read(&answer(&["ab", "7"]), Some(expected)).unwrap();
            assert_eq!(read.reply(), reply, "{expected}");
        }
        for wrong in [answer(&[]), answer(&["a"]), answer(&["a", "1", "2"]), Value::Null] {
            assert_eq!(Confirmation::read(&wrong, None), None);
        }
    }
}
