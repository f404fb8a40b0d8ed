//! One batch of pushes: its script call, and the outcome of each write.

use std::fmt::Write as _;

use fred::error::Error;
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{LoggedPush, PushError, PushOutcome, Pushed, WriteId};

use super::push_log::{self, EventsOfPushes, PushLog};
use super::push_reply::{self, Answer, PartitionAnswer};
use super::{Setup, digits};
use crate::patience::{backstop, wait_within};
use crate::push_call::{PushCall, PushResult, not_queued};
use crate::push_partition::PushPartition;
use crate::reply::{self, unreadable};
use crate::shared_buffer::SharedBuffer;
use crate::store::RedisStore;

/// The maximum number of exchanges of one batch.
///
/// The first push to a partition learns the server's time and the setup of the collection.
const MAX_EXCHANGES: usize = 3;

/// The number of arguments of the script for each group, before those of its writes.
const HEAD: usize = 7;
/// The number of arguments for each write.
const PARTS: usize = 2;
/// The maximum number of digits of a number.
const MAX_DIGITS: usize = 20;

/// The number of bytes before the key in the name of a write.
const NAME_SIZE: usize = 2;
/// The number of bytes that a write usually takes in the index of an entry.
const INDEX_SIZE: usize = 8;

/// The maximum number of writes in an entry of the queue, and the maximum number of bytes.
///
/// One command adds all of them. But a read of the pending value of a key reads the whole entry.
const MAX_PACK: usize = 32;
const MAX_PACK_BYTES: usize = 16 * 1024;

/// The writes of a batch that go to one partition, and that fit into one entry.
struct Group<'a> {
    partition: &'a PushPartition,
    /// The writes, and their places in the batch.
    calls: Vec<(usize, &'a PushCall)>,
    /// The size of their keys and payloads.
    size: usize,
    /// Whether the setup of the collection is that of the partition.
    is_compared: bool,
}

/// The answer to one exchange.
struct Exchange {
    answer: Answer,
    /// The events of the writes that it has queued.
    events: EventsOfPushes,
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
        let last = groups.iter_mut().rfind(|group| std::ptr::eq(group.partition, &*call.partition));
        match last.filter(|group| group.has_room(call)) {
            Some(group) => group.add(place, call),
            None => groups.push(Group::of(place, call)),
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
        let Exchange { answer, events } = exchange(store, left, deadline).await?;
        match answer {
            Answer::Partitions(now, answers) => {
                clocks.learn(node.clone(), now);
                take_answers(store, left, answers, &events, results).await;
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
    events: &EventsOfPushes,
    results: &mut [Option<PushResult>],
) {
    for (mut group, answer) in std::mem::take(left).into_iter().zip(answers) {
        let setup = group.setup();
        let error = match answer {
            PartitionAnswer::Pushed(pushed) => {
                for ((place, call), result) in group.calls.iter().zip(pushed) {
                    let event = is_queued(&result).then(|| events.of(call)).flatten();
                    results[*place] = Some(result.map(|pushed| LoggedPush { pushed, event }));
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
    fn of(place: usize, call: &'a PushCall) -> Self {
        let partition = &*call.partition;
        Self { partition, calls: vec![(place, call)], size: call.size(), is_compared: false }
    }

    fn has_room(&self, call: &PushCall) -> bool {
        self.calls.len() < MAX_PACK && self.size + call.size() <= MAX_PACK_BYTES
    }

    fn add(&mut self, place: usize, call: &'a PushCall) {
        self.calls.push((place, call));
        self.size += call.size();
    }

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
        arguments.extend(self.pack(texts));
        for (_, PushCall { key, kind, id, .. }) in &self.calls {
            let name = if *kind == 'o' { "q:" } else { "k:" };
            arguments.push(texts.add_all([name, key].map(str::as_bytes)));
            arguments.push(texts.add(&id.to_bytes()));
        }
    }

    /// Returns the index and the contents of an entry with all of its writes.
    fn pack(&self, texts: &mut SharedBuffer) -> [Value; 2] {
        let mut index = String::with_capacity(self.calls.len() * INDEX_SIZE);
        for (_, PushCall { key, kind, payload, .. }) in &self.calls {
            // Writing to a `String` never fails.
            let _ = write!(index, "{kind}{},{}", key.len(), payload.len());
        }
        let contents = self.calls.iter().flat_map(|(_, call)| [call.key.as_bytes(), &call.payload]);
        [texts.add(index.as_bytes()), texts.add_all(contents)]
    }

    /// Returns the number of its arguments, and the maximum size of their texts.
    fn sizes(&self) -> (usize, usize) {
        let keys: usize = self.calls.iter().map(|(_, call)| call.key.len()).sum();
        let head = self.partition.setup.len() + 2 * MAX_DIGITS;
        let for_each = size_of::<WriteId>() + NAME_SIZE + INDEX_SIZE;
        let count = self.calls.len();
        (HEAD + count * PARTS, head + self.size + keys + count * for_each)
    }
}

/// Returns the arguments of the script. Those for the log come first.
fn arguments(groups: &[Group<'_>], deadline: Option<u64>, log: Option<&PushLog<'_>>) -> Vec<Value> {
    let (count, size) = groups
        .iter()
        .map(Group::sizes)
        .fold((1 + push_log::ARGUMENTS, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let (mut arguments, mut texts) = (Vec::with_capacity(count), SharedBuffer::with_capacity(size));
    if let Some(log) = log {
        arguments.extend(log.arguments());
    }
    arguments.push(deadline.map_or_else(|| Value::from_static_str(""), digits));
    groups.iter().for_each(|group| group.add_arguments(&mut arguments, &mut texts));
    arguments
}

/// Sends the writes once, and reads the answer. If they have a log, it gets their events.
async fn exchange(
    store: &RedisStore,
    groups: &[Group<'_>],
    deadline: Option<u64>,
) -> Result<Exchange, PushError> {
    let inner = &*store.inner;
    let log = PushLog::begin(inner, groups.iter().flat_map(|group| &group.calls).map(|(_, call)| *call));
    let mut keys: Vec<&str> = log.iter().flat_map(|_| inner.log_keys()).collect();
    keys.extend(groups.iter().flat_map(|group| group.partition.names.main()));
    let script = if log.is_some() { &inner.queue.push_logged } else { &inner.queue.push };
    let arguments = arguments(groups, deadline, log.as_ref());
    let permit = inner.health.admit(keys[0]).map_err(not_queued)?;
    let limit = inner.command_timeout;
    let waited = wait_within(limit, script.run(&inner.data, backstop(limit), &keys, &arguments)).await;
    let outcome = match &waited.result {
        Err(error) if reply::has_no_effect(error) && !is_from_script(error) => PushOutcome::NotQueued,
        _ => PushOutcome::Unknown,
    };
    let answer = inner.settle(keys[0], permit, waited).map_err(|error| PushError::new(outcome, error))?;
    let unread = || PushError::new(PushOutcome::Unknown, unreadable("the answer to a push"));
    let writes: Vec<usize> = groups.iter().map(|group| group.calls.len()).collect();
    let Some(log) = log else {
        let answer = push_reply::read(&answer, &writes).ok_or_else(unread)?;
        return Ok(Exchange { answer, events: EventsOfPushes::default() });
    };
    let (pushed, logged) = push_log::split(&answer).ok_or_else(unread)?;
    let answer = push_reply::read(pushed, &writes).ok_or_else(unread)?;
    let events = logged.and_then(|logged| log.take(logged, &queued_calls(groups, &answer)));
    Ok(Exchange { answer, events: events.unwrap_or_default() })
}

/// Returns the writes that were queued, in the order of the script.
fn queued_calls<'a>(groups: &[Group<'a>], answer: &Answer) -> Vec<&'a PushCall> {
    let Answer::Partitions(_, answers) = answer else { return Vec::new() };
    let mut queued = Vec::new();
    for (group, answer) in groups.iter().zip(answers) {
        let PartitionAnswer::Pushed(pushed) = answer else { continue };
        let all = group.calls.iter().zip(pushed);
        queued.extend(all.filter(|(_, pushed)| is_queued(pushed)).map(|((_, call), _)| *call));
    }
    queued
}

fn is_queued(pushed: &push_reply::WriteAnswer) -> bool {
    matches!(pushed, Ok(Pushed::Queued(_)))
}

/// Whether the script itself failed. Earlier commands of the script may have had an effect.
fn is_from_script(error: &Error) -> bool {
    error.details().contains("script: ")
}
