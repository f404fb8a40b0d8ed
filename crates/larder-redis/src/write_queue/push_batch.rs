//! One batch of pushes: its script call, and the outcome of each write.

use std::fmt;

use bytes::Bytes;
use fred::error::Error;
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{PushError, PushOutcome, Pushed};

use super::{Setup, digits, write_reply};
use crate::patience::{backstop, wait_within};
use crate::push_call::{PushCall, PushResult, not_queued};
use crate::push_partitions::PushPartition;
use crate::reply::{self, bytes, parts, unreadable};
use crate::store::RedisStore;

/// The maximum number of exchanges of one batch.
///
/// The first push to a partition learns the server's time and the setup of the collection.
const MAX_EXCHANGES: usize = 3;

/// The indexes of the arguments that differ between the exchanges of one batch.
const COMPARED: usize = 3;
const DEADLINE: usize = 4;

/// The answer of `queue_push.lua`. Times are in microseconds of the server's clock.
#[derive(Debug)]
enum Answer {
    /// The time, and what became of each write.
    Pushed(u64, Vec<PushResult>),
    /// The partition has no setup.
    New,
    /// The partition has this setup.
    Other(Bytes),
    /// The batch came after its deadline.
    Late(u64),
    /// The batch had no deadline.
    Clock(u64),
}

/// Pushes the writes, and returns what became of each of them.
pub(super) async fn push_batch(
    store: &RedisStore,
    partition: &PushPartition,
    calls: &[PushCall],
) -> Vec<PushResult> {
    match try_batch(store, partition, calls).await {
        Ok(results) => results,
        Err(error) => vec![Err(error); calls.len()],
    }
}

async fn try_batch(
    store: &RedisStore,
    partition: &PushPartition,
    calls: &[PushCall],
) -> Result<Vec<PushResult>, PushError> {
    let inner = &*store.inner;
    let id = partition.id();
    let setup = Setup { partition: &id, names: &partition.names, kind: Some(partition.kind) };
    let mut arguments = arguments(partition, calls);
    let (clocks, limit) = (&inner.clocks, inner.command_timeout);
    let node = inner.health.node_of(partition.names.state());
    for _ in 0..MAX_EXCHANGES {
        let deadline = clocks.deadline(&node, limit);
        arguments[DEADLINE] = deadline.map_or_else(|| Value::from_static_str(""), digits);
        match send(store, partition, &arguments, calls.len()).await? {
            Answer::Pushed(now, results) => {
                clocks.learn(node, now);
                return Ok(results);
            }
            Answer::Clock(now) => clocks.learn(node.clone(), now),
            Answer::Late(now) => {
                clocks.correct(node, now);
                let what = "the push came after its deadline";
                return Err(not_queued(StoreError::new(StoreErrorKind::Timeout, what)));
            }
            Answer::New => {
                setup.compare(store).await.map_err(not_queued)?;
                arguments[COMPARED] = Value::from_static_str("1");
            }
            Answer::Other(there) => return Err(not_queued(setup.mismatch(&there))),
        }
    }
    Err(not_queued(unreadable("the answer to a push")))
}

fn arguments(partition: &PushPartition, calls: &[PushCall]) -> Vec<Value> {
    let mut arguments = vec![
        digits(partition.limits.entries),
        digits(partition.limits.bytes),
        Value::from(&*partition.setup),
        Value::from_static_str(""),
        Value::from_static_str(""),
    ];
    for PushCall { key, kind, payload, id } in calls {
        arguments.push(Value::from(&**key));
        arguments.push(Value::from_static_str(match kind {
            'o' => "o",
            'd' => "d",
            _ => "v",
        }));
        arguments.push(Value::Bytes(payload.clone()));
        arguments.push(Value::Bytes(Bytes::copy_from_slice(&id.to_bytes())));
    }
    arguments
}

async fn send(
    store: &RedisStore,
    partition: &PushPartition,
    arguments: &[Value],
    writes: usize,
) -> Result<Answer, PushError> {
    let inner = &*store.inner;
    let keys = partition.names.main();
    let permit = inner.health.admit(keys[0]).map_err(not_queued)?;
    let limit = inner.command_timeout;
    let waited =
        wait_within(limit, inner.queue.push.run(&inner.data, backstop(limit), &keys, arguments)).await;
    let outcome = match &waited.result {
        Err(error) if reply::has_no_effect(error) && !is_from_script(error) => PushOutcome::NotQueued,
        _ => PushOutcome::Unknown,
    };
    let answer = inner.settle(keys[0], permit, waited).map_err(|error| PushError::new(outcome, error))?;
    read(&answer, writes)
        .ok_or_else(|| PushError::new(PushOutcome::Unknown, unreadable("the answer to a push")))
}

/// Whether the script itself failed. Earlier commands of the script may have had an effect.
fn is_from_script(error: &Error) -> bool {
    error.details().contains("script: ")
}

/// Reads the answer to a batch of this many writes.
fn read(answer: &Value, writes: usize) -> Option<Answer> {
    let (what, rest) = parts(answer)?.split_first()?;
    Some(match (&*bytes(what)?, rest) {
        (b"new", []) => Answer::New,
        (b"other", [setup]) => Answer::Other(bytes(setup)?),
        (b"late", [now]) => Answer::Late(write_reply::digits(now)?),
        (b"clock", [now]) => Answer::Clock(write_reply::digits(now)?),
        _ if rest.len() == writes => {
            Answer::Pushed(write_reply::digits(what)?, rest.iter().map(result).collect())
        }
        _ => return None,
    })
}

/// Reads what became of one write.
fn result(answer: &Value) -> PushResult {
    let bytes = bytes(answer).unwrap_or_default();
    let (letter, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let rest = String::from_utf8_lossy(rest);
    let failed = |outcome, what: &dyn fmt::Display| {
        // The texts of the server begin with a word in capitals, as those of other errors.
        Err(PushError::new(outcome, StoreError::new(StoreErrorKind::Refused, what.to_string())))
    };
    match (letter, rest.parse()) {
        (b'q', Ok(sequence)) => Ok(Pushed::Queued(sequence)),
        (b'd', Ok(sequence)) => Ok(Pushed::Duplicate(sequence)),
        (b'f', _) => Ok(Pushed::Full),
        (b'r', _) => failed(PushOutcome::NotQueued, &rest),
        (b'x', _) => failed(PushOutcome::Unknown, &rest),
        _ => Err(PushError::new(PushOutcome::Unknown, unreadable("the answer to a push"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(parts: &[&str]) -> Value {
        Value::Array(parts.iter().map(|part| Value::from(*part)).collect())
    }

    #[test]
    fn each_write_has_its_own_answer() {
        let answer = array(&["6", "q7", "d5", "f", "rOOM no room", "xERR oops", "?", "q", "qx", ""]);
        let Some(Answer::Pushed(6, results)) = read(&answer, 9) else { panic!("{answer:?}") };
        let texts: Vec<_> = results
            .into_iter()
            .map(|result| match result {
                Ok(pushed) => format!("{pushed:?}"),
                Err(error) => format!("{:?} {:?}", error.outcome(), error.kind()),
            })
            .collect();
        let expected = [
            "Queued(7)",
            "Duplicate(5)",
            "Full",
            "NotQueued Refused",
            "Unknown Refused",
            "Unknown Unreadable",
            "Unknown Unreadable",
            "Unknown Unreadable",
            "Unknown Unreadable",
        ];
        assert_eq!(texts, expected);
    }

    #[test]
    fn an_answer_to_the_batch_is_read_for_what_it_is() {
        let read = |answer: &[&str]| read(&array(answer), 1);
        assert!(matches!(read(&["late", "7"]), Some(Answer::Late(7))));
        assert!(matches!(read(&["clock", "7"]), Some(Answer::Clock(7))));
        assert!(matches!(read(&["new"]), Some(Answer::New)));
        assert!(matches!(read(&["other", "8 v"]), Some(Answer::Other(setup)) if setup == "8 v"));
        assert!(matches!(read(&["6", "q7"]), Some(Answer::Pushed(6, _))));
        for unreadable in [&["6"][..], &["6", "q7", "q8"], &["late"], &["x", "q7"], &["new", "q7", "f"], &[]]
        {
            assert!(read(unreadable).is_none(), "{unreadable:?}");
        }
        assert!(super::read(&Value::Null, 0).is_none());
    }
}
