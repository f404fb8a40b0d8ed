//! The answer of the script that pushes a batch.

use std::fmt;

use bytes::Bytes;
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::write_queue::{PushError, PushOutcome, Pushed};

use super::write_reply;
use crate::reply::{bytes, parts, unreadable};

/// The answer of `queue_push_batch.lua`. Times are in microseconds of the server's clock.
#[derive(Debug)]
pub(super) enum Answer {
    /// The time, and the answer for each group of writes.
    Partitions(u64, Vec<PartitionAnswer>),
    /// The batch came after its deadline.
    Late(u64),
    /// The batch had no deadline.
    Clock(u64),
}

/// The answer for one write.
pub(super) type WriteAnswer = Result<Pushed, PushError>;

/// The answer for the writes to one partition.
#[derive(Debug)]
pub(super) enum PartitionAnswer {
    /// The outcome of each write.
    Pushed(Vec<WriteAnswer>),
    /// The partition has no setup.
    New,
    /// The partition has this setup.
    Other(Bytes),
    /// All writes failed.
    Failed(PushError),
}

/// Reads the answer to a batch with this many writes in each group.
pub(super) fn read(answer: &Value, writes: &[usize]) -> Option<Answer> {
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

/// Reads the answer for a group with this many writes.
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
        (b"all", [_, first]) => match write_reply::digits(first) {
            Some(first) => {
                PartitionAnswer::Pushed((first..).take(writes).map(|one| Ok(Pushed::Queued(one))).collect())
            }
            None => unread(),
        },
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
fn result(answer: &Value) -> WriteAnswer {
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

    fn describe(result: WriteAnswer) -> String {
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
