//! Pushing a write.

use bytes::Bytes;
use fred::error::Error;
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{PushError, PushOutcome, PushWrite, Pushed};

use super::write_reply::{self, Encoded};
use super::{Setup, digits, names};
use crate::patience::{backstop, wait_within};
use crate::queue_names::PartitionNames;
use crate::reply::{self, bytes, parts, unreadable};
use crate::store::RedisStore;

/// The maximum number of exchanges of one push.
///
/// The first push to a partition learns the server's time and the setup of the collection.
const MAX_EXCHANGES: usize = 3;

/// The indexes of the arguments that differ between the exchanges of one push.
const COMPARED: usize = 7;
const DEADLINE: usize = 8;

/// The answer of `queue_push.lua`. Times are in microseconds of the server's clock.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    /// The write is in the queue. Its sequence number, and the time.
    Queued(u64, u64),
    /// Nothing was queued by this call.
    Done(Pushed),
    /// The partition has no setup.
    New,
    /// The partition has this setup.
    Other(Bytes),
    /// The push came after its deadline.
    Late(u64),
    /// The push had no deadline.
    Clock(u64),
}

/// Pushes a write.
pub(super) async fn push(store: &RedisStore, write: PushWrite<'_>) -> Result<Pushed, PushError> {
    let names = names(store, &write.partition).map_err(not_queued)?;
    let Encoded { kind, bytes } = write_reply::encode(write.payload);
    // A deletion is one of the writes to a collection of values.
    let kind_of_collection = if kind == 'o' { 'o' } else { 'v' };
    let setup = Setup { partition: &write.partition, names: &names, kind: Some(kind_of_collection) };
    let mut arguments = [
        Value::from(write.key),
        Value::from(kind.to_string()),
        Value::Bytes(bytes),
        Value::Bytes(Bytes::copy_from_slice(&write.id.to_bytes())),
        digits(write.limits.entries),
        digits(write.limits.bytes),
        setup.text().into(),
        Value::from_static_str(""),
        Value::from_static_str(""),
    ];
    let (clocks, limit) = (&store.inner.clocks, store.inner.command_timeout);
    let node = store.inner.health.node_of(names.state());
    for _ in 0..MAX_EXCHANGES {
        let deadline = clocks.deadline(&node, limit);
        arguments[DEADLINE] = deadline.map_or_else(|| Value::from_static_str(""), digits);
        match send(store, &names, write.key, &arguments).await? {
            Answer::Queued(sequence, now) => {
                clocks.learn(node, now);
                return Ok(Pushed::Queued(sequence));
            }
            Answer::Done(pushed) => return Ok(pushed),
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
            Answer::Other(there) => {
                return Err(not_queued(setup.mismatch(&there)));
            }
        }
    }
    Err(not_queued(unreadable("the answer to a push")))
}

async fn send(
    store: &RedisStore,
    names: &PartitionNames,
    key: &str,
    arguments: &[Value],
) -> Result<Answer, PushError> {
    let inner = &*store.inner;
    let [state, writes, quarantined, ids] = names.main();
    let keys = [state, writes, quarantined, ids, &*names.dead_of(key)];
    let permit = inner.health.admit(state).map_err(not_queued)?;
    let limit = inner.command_timeout;
    let waited =
        wait_within(limit, inner.queue.push.run(&inner.data, backstop(limit), &keys, arguments)).await;
    let outcome = match &waited.result {
        Err(error) if reply::has_no_effect(error) && !is_from_script(error) => PushOutcome::NotQueued,
        _ => PushOutcome::Unknown,
    };
    let answer = inner.settle(state, permit, waited).map_err(|error| PushError::new(outcome, error))?;
    read(&answer).ok_or_else(|| PushError::new(PushOutcome::Unknown, unreadable("the answer to a push")))
}

/// Whether a command of the script failed. Earlier commands of the script may have had an effect.
fn is_from_script(error: &Error) -> bool {
    error.details().contains("script: ")
}

fn read(answer: &Value) -> Option<Answer> {
    let (what, rest) = parts(answer)?.split_first()?;
    Some(match (&*bytes(what)?, rest) {
        (b"queued", [sequence, now]) => {
            Answer::Queued(write_reply::digits(sequence)?, write_reply::digits(now)?)
        }
        (b"duplicate", [sequence]) => Answer::Done(Pushed::Duplicate(write_reply::digits(sequence)?)),
        (b"full", []) => Answer::Done(Pushed::Full),
        (b"new", []) => Answer::New,
        (b"other", [setup]) => Answer::Other(bytes(setup)?),
        (b"late", [now]) => Answer::Late(write_reply::digits(now)?),
        (b"clock", [now]) => Answer::Clock(write_reply::digits(now)?),
        _ => return None,
    })
}

fn not_queued(error: StoreError) -> PushError {
    PushError::new(PushOutcome::NotQueued, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_for_what_it_is() {
        let array = |parts: &[&str]| Value::Array(parts.iter().map(|part| Value::from(*part)).collect());
        let cases = [
            (&["queued", "7", "6"][..], Some(Answer::Queued(7, 6))),
            (&["late", "7"], Some(Answer::Late(7))),
            (&["clock", "7"], Some(Answer::Clock(7))),
            (&["duplicate", "7"], Some(Answer::Done(Pushed::Duplicate(7)))),
            (&["full"], Some(Answer::Done(Pushed::Full))),
            (&["new"], Some(Answer::New)),
            (&["other", "8 v"], Some(Answer::Other(Bytes::from_static(b"8 v")))),
            (&["queued", "7"], None),
            (&["queued", "7", "x"], None),
            (&["late"], None),
            (&["else"], None),
            (&[], None),
        ];
        for (answer, expected) in cases {
            assert_eq!(read(&array(answer)), expected, "{answer:?}");
        }
        assert_eq!(read(&Value::Null), None);
    }
}
