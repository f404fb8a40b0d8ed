//! Reads the answer of the script that polls the log.

use fred::types::Value;
use larder_core::invalidation::log_page::LogPage;
use larder_core::invalidation::position::LogId;
use larder_core::invalidation::selector::Event;
use larder_core::store::StoreError;
use larder_core::time::WallTime;

use crate::reply::{self, number, parts, text, unreadable};
use crate::stream_entry;

/// The answer to a poll, and whether scripts can read the server's run id (rule 6).
pub(crate) struct Answer {
    pub(crate) look: LogPage,
    pub(crate) size: PageSize,
    pub(crate) knows_run_id: bool,
}

/// The size of the entries in an answer, as `log_page.lua` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PageSize {
    pub(crate) entries: i64,
    pub(crate) bytes: i64,
    pub(crate) names: i64,
}

impl PageSize {
    /// Returns the size of the entries in this array.
    pub(crate) fn of(entries: &Value) -> Option<Self> {
        const OVERHEAD_BYTES: usize = 32;
        let (mut bytes, mut fields) = (0, 0);
        let entries = parts(entries)?;
        for entry in entries {
            let [_, pairs] = parts(entry)? else { return None };
            // An entry with unreadable fields is an event, so it does not fail.
            let pairs = parts(pairs).unwrap_or_default();
            let length = |value| reply::bytes(value).map_or(0, |bytes| bytes.len());
            bytes += OVERHEAD_BYTES + pairs.iter().map(length).sum::<usize>();
            fields += pairs.len();
        }
        let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        Some(Self { entries: number(entries.len()), bytes: number(bytes), names: number(fields / 2) })
    }
}

/// Reads the answer of `poll_log.lua`.
pub(crate) fn read(answer: &Value) -> Result<Answer, StoreError> {
    try_read(answer).ok_or_else(|| unreadable("the log's answer to a look"))
}

/// Reads the entries that `XRANGE` returns.
pub(crate) fn read_entries(page: &Value) -> Result<Vec<(LogId, Vec<Event>)>, StoreError> {
    try_read_entries(page).ok_or_else(|| unreadable("the entries of the log"))
}

fn try_read_entries(page: &Value) -> Option<Vec<(LogId, Vec<Event>)>> {
    parts(page)?.iter().map(entry).collect()
}

fn try_read(answer: &Value) -> Option<Answer> {
    let [incarnation, run_id, added, length, oldest, last, deleted, mark, entries, more, now, busy] =
        parts(answer)?
    else {
        return None;
    };
    let extent = StreamInfo {
        added: number(added)?,
        length: number(length)?,
        oldest: id(oldest)?,
        last: id(last)?,
        deleted: id(deleted)?,
    };
    let look = LogPage {
        incarnation: text(incarnation)?.parse().ok()?,
        // Everything before the checkpoint at which the poll began is missing as well.
        floor: extent.floor().max(id(mark)?),
        last: extent.last,
        now: WallTime::from_unix_millis(number(now)?.try_into().ok()?),
        entries: try_read_entries(entries)?,
        more: number(more)? != 0,
        // The script appends *all* where it must.
        fenced: true,
        is_busy: number(busy)? != 0,
    };
    Some(Answer { look, size: PageSize::of(entries)?, knows_run_id: !text(run_id)?.is_empty() })
}

fn id(value: &Value) -> Option<LogId> {
    text(value)?.parse().ok()
}

fn entry(value: &Value) -> Option<(LogId, Vec<Event>)> {
    let [at, fields] = parts(value)? else {
        return None;
    };
    Some((id(at)?, stream_entry::events(fields)))
}

/// The extent of the Stream, in the terms of `XINFO STREAM`.
#[derive(Debug, Clone, Copy)]
struct StreamInfo {
    /// Number of entries that were ever added. Negative if the server does not count them.
    added: i64,
    length: i64,
    oldest: LogId,
    last: LogId,
    deleted: LogId,
}

impl StreamInfo {
    /// Returns the last id at or before which an entry may be missing (rule 7).
    ///
    /// If a single entry was deleted, `max-deleted-entry-id` shows it. Trimming does not change
    /// that field.
    fn floor(self) -> LogId {
        if self.length == 0 {
            self.last
        } else if self.added == self.length {
            LogId::ZERO
        } else {
            self.oldest.before().max(self.deleted)
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::position::Incarnation;

    use super::*;

    #[test]
    fn the_floor_is_where_the_stream_may_have_lost_something() {
        let whole = StreamInfo {
            added: 3,
            length: 3,
            oldest: LogId::new(5, 0),
            last: LogId::new(9, 1),
            deleted: LogId::ZERO,
        };
        let cases = [
            ("nothing is missing", whole, LogId::ZERO),
            ("trimmed", StreamInfo { length: 2, ..whole }, LogId::new(4, u64::MAX)),
            ("the server does not count", StreamInfo { added: -1, ..whole }, LogId::new(4, u64::MAX)),
            ("emptied", StreamInfo { length: 0, oldest: LogId::ZERO, ..whole }, LogId::new(9, 1)),
            (
                "empty from the start",
                StreamInfo { added: 0, length: 0, oldest: LogId::ZERO, ..whole },
                LogId::new(9, 1),
            ),
            (
                "one deleted in the middle",
                StreamInfo { length: 2, deleted: LogId::new(7, 0), ..whole },
                LogId::new(7, 0),
            ),
        ];
        for (why, extent, floor) in cases {
            assert_eq!(extent.floor(), floor, "{why}");
        }
    }

    fn answer(incarnation: &str, run_id: &str, oldest: &str, mark: &str, entries: Vec<Value>) -> Value {
        Value::Array(vec![
            incarnation.into(),
            run_id.into(),
            Value::Integer(2),
            Value::Integer(2),
            oldest.into(),
            "9-1".into(),
            "0-0".into(),
            mark.into(),
            Value::Array(entries),
            Value::Integer(1),
            Value::Integer(12_345),
            Value::Integer(1),
        ])
    }

    #[test]
    fn an_answer_is_read_whole() {
        let beginning =
            Value::Array(vec!["5-0".into(), Value::Array(vec!["i".into(), "ab".repeat(16).into()])]);
        let strange = Value::Array(vec!["9-1".into(), Value::Array(vec!["?".into(), "x".into()])]);
        let read = read(&answer(&"ab".repeat(16), "", "5-0", "0-0", vec![beginning, strange])).unwrap();
        assert!(!read.knows_run_id);
        assert_eq!(
            read.look,
            LogPage {
                incarnation: Incarnation::from_bytes([0xab; 16]),
                floor: LogId::ZERO,
                last: LogId::new(9, 1),
                now: WallTime::from_unix_millis(12_345),
                entries: vec![(LogId::new(5, 0), vec![]), (LogId::new(9, 1), vec![Event::EVERYTHING])],
                more: true,
                fenced: true,
                is_busy: true,
            }
        );
    }

    /// Rule 7: entries that a poll leaves out count as missing.
    #[test]
    fn the_floor_is_at_the_mark_at_which_a_look_began_unless_more_is_missing() {
        let id = "ab".repeat(16);
        let floor = |answer| read(&answer).unwrap().look.floor;
        assert_eq!(floor(answer(&id, "", "5-0", "7-0", vec![])), LogId::new(7, 0));
        let Value::Array(mut trimmed) = answer(&id, "", "8-0", "7-0", vec![]) else { panic!() };
        trimmed[2] = Value::Integer(3);
        assert_eq!(floor(Value::Array(trimmed)), LogId::new(7, u64::MAX));
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_an_error() {
        let cases = [
            Value::Null,
            Value::Array(vec![]),
            answer("short", "", "5-0", "0-0", vec![]),
            answer(&"ab".repeat(16), "", "five", "0-0", vec![]),
            answer(&"ab".repeat(16), "", "5-0", "none", vec![]),
            answer(&"ab".repeat(16), "", "5-0", "0-0", vec![Value::Null]),
        ];
        for value in cases {
            assert!(read(&value).is_err(), "{value:?}");
        }
    }
}
