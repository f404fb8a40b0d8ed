//! One batch of pushes: its script call, and the outcome of each write.

use std::fmt;

use bytes::Bytes;
use fred::error::Error;
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{PushError, PushOutcome, Pushed, WriteId};

use super::{Setup, digits, write_reply};
use crate::patience::{backstop, wait_within};
use crate::push_call::{PushCall, PushResult, not_queued};
use crate::push_partition::PushPartition;
use crate::reply::{self, bytes, parts, unreadable};
use crate::shared_buffer::SharedBuffer;
use crate::store::RedisStore;

/// The maximum number of exchanges of one batch.
///
/// The first push to a partition learns the server's time and the setup of the collection.
const MAX_EXCHANGES: usize = 3;

/// The number of arguments of the script for each partition, before those of its writes.
const HEAD: usize = 5;
/// The number of arguments for each write.
const PARTS: usize = 4;
/// The maximum number of digits of a number.
const MAX_DIGITS: usize = 20;

/// The answer of `queue_push.lua`. Times are in microseconds of the server's clock.
#[derive(Debug)]
enum Answer {
    /// The time, and the answer for each partition.
    Partitions(u64, Vec<PartitionAnswer>),
    /// The batch came after its deadline.
    Late(u64),
    /// The batch had no deadline.
    Clock(u64),
}

/// The answer for the writes to one partition.
#[derive(Debug)]
enum PartitionAnswer {
    /// The outcome of each write.
    Pushed(Vec<PushResult>),
    /// The partition has no setup.
    New,
    /// The partition has this setup.
    Other(Bytes),
    /// All writes failed.
    Failed(PushError),
}

/// The writes of a batch that go to one partition.
struct Group<'a> {
    partition: &'a PushPartition,
    /// The writes, and their places in the batch.
    calls: Vec<(usize, &'a PushCall)>,
    /// Whether the setup of the collection is that of the partition.
    is_compared: bool,
}

/// Pushes the writes, and returns what became of each of them.
pub(super) async fn push_batch(store: &RedisStore, calls: &[PushCall]) -> Vec<PushResult> {
    let mut results: Vec<Option<PushResult>> = vec![None; calls.len()];
    let mut left = groups(calls);
    let error = try_batch(store, &mut left, &mut results).await.err().unwrap_or_else(|| {
        // A partition that has no setup after it was compared.
        not_queued(unreadable("the answer to a push"))
    });
    results.into_iter().map(|result| result.unwrap_or_else(|| Err(error.clone()))).collect()
}

/// Returns the writes by their partition, in their order.
fn groups(calls: &[PushCall]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        match groups.iter_mut().find(|group| std::ptr::eq(group.partition, &*call.partition)) {
            Some(group) => group.calls.push((place, call)),
            None => groups.push(Group {
                partition: &call.partition,
                calls: vec![(place, call)],
                is_compared: false,
            }),
        }
    }
    groups
}

/// Pushes until each group has an answer. Those without a result have failed with the error.
async fn try_batch(
    store: &RedisStore,
    left: &mut Vec<Group<'_>>,
    results: &mut [Option<PushResult>],
) -> Result<(), PushError> {
    let inner = &*store.inner;
    let (clocks, limit) = (&inner.clocks, inner.command_timeout);
    let Some(first) = left.first() else { return Ok(()) };
    // In a cluster, a batch has one partition.
    let node = inner.health.node_of(first.partition.names.state());
    for _ in 0..MAX_EXCHANGES {
        let deadline = clocks.deadline(&node, limit);
        match send(store, left, deadline).await? {
            Answer::Partitions(now, answers) => {
                clocks.learn(node.clone(), now);
                take_answers(store, left, answers, results).await;
                if left.is_empty() {
                    break;
                }
            }
            Answer::Clock(now) => clocks.learn(node.clone(), now),
            Answer::Late(now) => {
                clocks.correct(node, now);
                let what = "the push came after its deadline";
                return Err(not_queued(StoreError::new(StoreErrorKind::Timeout, what)));
            }
        }
    }
    Ok(())
}

/// Notes the results of the groups. Leaves those that have to be pushed once more.
async fn take_answers(
    store: &RedisStore,
    left: &mut Vec<Group<'_>>,
    answers: Vec<PartitionAnswer>,
    results: &mut [Option<PushResult>],
) {
    for (mut group, answer) in std::mem::take(left).into_iter().zip(answers) {
        let setup = group.setup();
        let error = match answer {
            PartitionAnswer::Pushed(pushed) => {
                for ((place, _), result) in group.calls.iter().zip(pushed) {
                    results[*place] = Some(result);
                }
                continue;
            }
            PartitionAnswer::New => match setup.compare(store).await {
                Ok(()) => {
                    group.is_compared = true;
                    left.push(group);
                    continue;
                }
                Err(error) => not_queued(error),
            },
            PartitionAnswer::Other(there) => not_queued(setup.mismatch(&there)),
            PartitionAnswer::Failed(error) => error,
        };
        group.calls.iter().for_each(|(place, _)| results[*place] = Some(Err(error.clone())));
    }
}

impl<'a> Group<'a> {
    fn setup(&self) -> Setup<'a> {
        let PushPartition { names, kind, .. } = self.partition;
        Setup { partition: self.partition.id(), names, kind: Some(*kind) }
    }

    /// Adds the arguments of the script. Their texts are in `texts`.
    fn add_arguments(&self, arguments: &mut Vec<Value>, texts: &mut SharedBuffer) {
        let PushPartition { limits, setup, .. } = self.partition;
        arguments.extend([
            Value::Integer(i64::try_from(self.calls.len()).unwrap_or(i64::MAX)),
            texts.add(limits.entries.to_string().as_bytes()),
            texts.add(limits.bytes.to_string().as_bytes()),
            texts.add(setup.as_bytes()),
            Value::from_static_str(if self.is_compared { "1" } else { "" }),
        ]);
        for (_, PushCall { key, kind, payload, id, .. }) in &self.calls {
            arguments.push(texts.add(key.as_bytes()));
            arguments.push(Value::from_static_str(match kind {
                'o' => "o",
                'd' => "d",
                _ => "v",
            }));
            arguments.push(Value::Bytes(payload.clone()));
            arguments.push(texts.add(&id.to_bytes()));
        }
    }

    /// Returns the number of its arguments, and the maximum size of their texts.
    fn sizes(&self) -> (usize, usize) {
        let keys: usize = self.calls.iter().map(|(_, call)| call.key.len()).sum();
        let head = self.partition.setup.len() + 2 * MAX_DIGITS;
        (HEAD + self.calls.len() * PARTS, head + keys + self.calls.len() * size_of::<WriteId>())
    }
}

/// Returns the arguments of the script.
fn arguments(groups: &[Group<'_>], deadline: Option<u64>) -> Vec<Value> {
    let (count, size) =
        groups.iter().map(Group::sizes).fold((1, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let (mut arguments, mut texts) = (Vec::with_capacity(count), SharedBuffer::with_capacity(size));
    arguments.push(deadline.map_or_else(|| Value::from_static_str(""), digits));
    groups.iter().for_each(|group| group.add_arguments(&mut arguments, &mut texts));
    arguments
}

async fn send(store: &RedisStore, groups: &[Group<'_>], deadline: Option<u64>) -> Result<Answer, PushError> {
    let inner = &*store.inner;
    let keys: Vec<&str> = groups.iter().flat_map(|group| group.partition.names.main()).collect();
    let arguments = arguments(groups, deadline);
    let permit = inner.health.admit(keys[0]).map_err(not_queued)?;
    let limit = inner.command_timeout;
    let waited =
        wait_within(limit, inner.queue.push.run(&inner.data, backstop(limit), &keys, &arguments)).await;
    let outcome = match &waited.result {
        Err(error) if reply::has_no_effect(error) && !is_from_script(error) => PushOutcome::NotQueued,
        _ => PushOutcome::Unknown,
    };
    let answer = inner.settle(keys[0], permit, waited).map_err(|error| PushError::new(outcome, error))?;
    let writes: Vec<usize> = groups.iter().map(|group| group.calls.len()).collect();
    read(&answer, &writes)
        .ok_or_else(|| PushError::new(PushOutcome::Unknown, unreadable("the answer to a push")))
}

/// Whether the script itself failed. Earlier commands of the script may have had an effect.
fn is_from_script(error: &Error) -> bool {
    error.details().contains("script: ")
}

/// Reads the answer to a batch with this many writes for each partition.
fn read(answer: &Value, writes: &[usize]) -> Option<Answer> {
    let (what, rest) = parts(answer)?.split_first()?;
    Some(match (&*bytes(what)?, rest) {
        (b"late", [now]) => Answer::Late(write_reply::digits(now)?),
        (b"clock", [now]) => Answer::Clock(write_reply::digits(now)?),
        _ if rest.len() == writes.len() => {
            let answers = rest.iter().zip(writes).map(|(answer, writes)| partition_answer(answer, *writes));
            Answer::Partitions(write_reply::digits(what)?, answers.collect())
        }
        _ => return None,
    })
}

/// Reads the answer for a partition with this many writes.
fn partition_answer(answer: &Value, writes: usize) -> PartitionAnswer {
    let failed = |outcome, error| PartitionAnswer::Failed(PushError::new(outcome, error));
    let unread = || failed(PushOutcome::Unknown, unreadable("the answer to a push"));
    let Some(parts) = parts(answer) else { return unread() };
    let word = parts.first().and_then(bytes).unwrap_or_default();
    match (&*word, parts) {
        (b"new", [_]) => PartitionAnswer::New,
        (b"other", [_, setup]) => bytes(setup).map_or_else(unread, PartitionAnswer::Other),
        (b"error", [_, error]) => failed(PushOutcome::NotQueued, refused(&text_of(error))),
        (b"unknown", [_, error]) => failed(PushOutcome::Unknown, refused(&text_of(error))),
        _ if parts.len() == writes => PartitionAnswer::Pushed(parts.iter().map(result).collect()),
        _ => unread(),
    }
}

fn text_of(value: &Value) -> String {
    String::from_utf8_lossy(&bytes(value).unwrap_or_default()).into_owned()
}

/// Returns the error of a write that the server refused.
fn refused(what: &dyn fmt::Display) -> StoreError {
    // The texts of the server begin with a word in capitals, as those of other errors.
    StoreError::new(StoreErrorKind::Refused, what.to_string())
}

/// Reads what became of one write.
fn result(answer: &Value) -> PushResult {
    let bytes = bytes(answer).unwrap_or_default();
    let (letter, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let rest = String::from_utf8_lossy(rest);
    let failed = |outcome, what: &dyn fmt::Display| Err(PushError::new(outcome, refused(what)));
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

    fn read_list(answer: &[&str], writes: usize) -> PartitionAnswer {
        partition_answer(&array(answer), writes)
    }

    fn describe(result: PushResult) -> String {
        match result {
            Ok(pushed) => format!("{pushed:?}"),
            Err(error) => format!("{:?} {:?}", error.outcome(), error.kind()),
        }
    }

    #[test]
    fn each_write_has_its_own_answer() {
        let answer = ["q7", "d5", "f", "rOOM no room", "xERR oops", "?", "q", "qx", ""];
        let PartitionAnswer::Pushed(results) = read_list(&answer, 9) else { panic!("{answer:?}") };
        let texts: Vec<_> = results.into_iter().map(describe).collect();
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
    fn each_partition_has_its_own_answer() {
        let partitions = [array(&["q7"]), array(&["new"]), array(&["q8", "f"])];
        let answer = Value::Array([Value::from("6")].into_iter().chain(partitions).collect());
        let Some(Answer::Partitions(6, answers)) = read(&answer, &[1, 1, 2]) else { panic!("{answer:?}") };
        assert!(matches!(
            &answers[..],
            [PartitionAnswer::Pushed(_), PartitionAnswer::New, PartitionAnswer::Pushed(_)]
        ));
        assert!(read(&answer, &[1, 1]).is_none());
        assert!(matches!(read_list(&["other", "8 v"], 1), PartitionAnswer::Other(setup) if setup == "8 v"));
        for (answer, expected) in [
            (&["error", "WRONGTYPE of key"][..], "NotQueued Refused"),
            (&["unknown", "ERR oops"], "Unknown Refused"),
            (&["q7", "q8"], "Unknown Unreadable"),
            (&["new", "q7"], "Unknown Unreadable"),
            (&[], "Unknown Unreadable"),
        ] {
            let PartitionAnswer::Failed(error) = read_list(answer, 1) else { panic!("{answer:?}") };
            assert_eq!(describe(Err(error)), expected, "{answer:?}");
        }
    }

    #[test]
    fn an_answer_to_the_batch_is_read_for_what_it_is() {
        let read = |answer: &[&str]| read(&array(answer), &[1]);
        assert!(matches!(read(&["late", "7"]), Some(Answer::Late(7))));
        assert!(matches!(read(&["clock", "7"]), Some(Answer::Clock(7))));
        for unreadable in [&["6"][..], &["late"], &["x", "q7"], &[]] {
            assert!(read(unreadable).is_none(), "{unreadable:?}");
        }
        assert!(super::read(&Value::Null, &[]).is_none());
    }
}
