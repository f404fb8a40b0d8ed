//! The parts of the scripts' answers. What cannot be read is `None`.

use bytes::Bytes;
use fred::types::Value;
use larder_core::write_queue::{DeadLetter, KeyState, PendingValue, QueuedWrite, WritePayload};

use crate::reply::{bytes, number, parts, text};

/// Returns the letter for the kind of a payload, and its bytes.
pub(super) fn encode(payload: WritePayload) -> Encoded {
    let (kind, bytes) = match payload {
        WritePayload::Value(bytes) => ('v', bytes),
        WritePayload::Deletion => ('d', Bytes::new()),
        WritePayload::Operation(bytes) => ('o', bytes),
    };
    Encoded { kind, bytes }
}

/// A payload as it stands in Redis.
pub(super) struct Encoded {
    /// The letter for its kind.
    pub(super) kind: char,
    pub(super) bytes: Bytes,
}

/// Returns the number in digits.
pub(super) fn digits(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        _ => text(value)?.parse().ok(),
    }
}

fn payload(kind: &Value, content: &Value) -> Option<WritePayload> {
    // A slice of the reply would keep all of the reply in memory.
    let content = Bytes::copy_from_slice(&bytes(content)?);
    match text(kind)? {
        "v" => Some(WritePayload::Value(content)),
        "d" => Some(WritePayload::Deletion),
        "o" => Some(WritePayload::Operation(content)),
        _ => None,
    }
}

/// Reads the state of a key.
pub(super) fn key_state(value: &Value) -> Option<KeyState> {
    let (flag, rest) = parts(value)?.split_first()?;
    let is_quarantined = match text(flag)? {
        "0" => false,
        "1" => true,
        _ => return None,
    };
    let value = match rest {
        [] => None,
        [sequence, kind, content] => {
            Some(PendingValue { sequence: digits(sequence)?, payload: payload(kind, content)? })
        }
        _ => return None,
    };
    Some(KeyState { value, is_quarantined })
}

/// Reads the place of an entry of the Stream.
pub(super) fn place(id: &Value) -> Option<u64> {
    text(id)?.split_once('-')?.0.parse().ok()
}

/// Reads an entry of the Stream.
pub(super) fn queued_write(id: &Value, fields: &Value) -> Option<QueuedWrite> {
    let place = text(id)?.strip_suffix("-0")?.parse().ok()?;
    let (key, kind, content, sequence) = match parts(fields)? {
        [name, key, kind, content] if text(name) == Some("k") => (key, kind, content, place),
        [name, key, kind, content, mark, sequence] if text(name) == Some("k") && text(mark) == Some("s") => {
            (key, kind, content, digits(sequence)?)
        }
        _ => return None,
    };
    let key = text(key)?.to_owned();
    Some(QueuedWrite { place, sequence, key, payload: payload(kind, content)? })
}

/// Reads a key in quarantine.
pub(super) fn dead_letter(value: &Value) -> Option<DeadLetter> {
    let [key, sequence, kind, content, error, waiting] = parts(value)? else { return None };
    Some(DeadLetter {
        key: text(key)?.to_owned(),
        sequence: digits(sequence)?,
        payload: payload(kind, content)?,
        error: String::from_utf8_lossy(&bytes(error)?).into_owned(),
        waiting: number(waiting).and_then(|number| u64::try_from(number).ok())?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn array(parts: &[&str]) -> Value {
        Value::Array(parts.iter().map(|part| Value::from(*part)).collect())
    }

    #[test]
    fn entries_are_read_as_they_were_written_and_others_are_none() {
        let read = |id: &str, fields: &[&str]| queued_write(&id.into(), &array(fields));
        let write = QueuedWrite {
            place: 7,
            sequence: 7,
            key: "a".to_owned(),
            payload: WritePayload::Value(Bytes::from_static(b"x")),
        };
        assert_eq!(read("7-0", &["k", "a", "v", "x"]), Some(write.clone()));
        let again = QueuedWrite { sequence: 5, ..write };
        assert_eq!(read("7-0", &["k", "a", "v", "x", "s", "5"]), Some(again.clone()));
        let deleted = QueuedWrite { payload: WritePayload::Deletion, ..again };
        assert_eq!(read("7-0", &["k", "a", "d", "", "s", "5"]), Some(deleted));
        for (id, fields) in [
            ("7-1", &["k", "a", "v", "x"][..]),
            ("x-0", &["k", "a", "v", "x"]),
            ("7-0", &["k", "a", "x", "x"]),
            ("7-0", &["h", "a", "v", "x"]),
            ("7-0", &["k", "a"]),
            ("7-0", &["k", "a", "v", "x", "s", "-5"]),
            ("7-0", &["k", "a", "v", "x", "t", "5"]),
            ("7-0", &[]),
        ] {
            assert_eq!(read(id, fields), None, "{id} {fields:?}");
        }
        let binary = Value::Array(vec!["k".into(), Value::Bytes(Bytes::from_static(b"\xff")), "v".into()]);
        assert_eq!(queued_write(&"7-0".into(), &binary), None);
    }

    #[test]
    fn the_state_of_a_key_is_read() {
        assert_eq!(key_state(&array(&["0"])), Some(KeyState::default()));
        assert_eq!(key_state(&array(&["1"])), Some(KeyState { value: None, is_quarantined: true }));
        let value = PendingValue { sequence: 3, payload: WritePayload::Deletion };
        let state = KeyState { value: Some(value), is_quarantined: false };
        assert_eq!(key_state(&array(&["0", "3", "d", ""])), Some(state));
        for wrong in [&["2"][..], &[], &["0", "3"], &["0", "x", "d", ""], &["0", "3", "z", ""]] {
            assert_eq!(key_state(&array(wrong)), None, "{wrong:?}");
        }
        assert_eq!(key_state(&Value::Null), None);
    }

    #[test]
    fn a_dead_letter_is_read() {
        let mut letter = ["a", "3", "o", "x", "oops"].map(Value::from).to_vec();
        assert_eq!(dead_letter(&Value::Array(letter.clone())), None);
        letter.push(2.into());
        let read = dead_letter(&Value::Array(letter)).unwrap();
        assert_eq!((&*read.key, read.sequence, &*read.error, read.waiting), ("a", 3, "oops", 2));
        assert_eq!(read.payload, WritePayload::Operation(Bytes::from_static(b"x")));
    }
}
