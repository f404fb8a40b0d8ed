//! The arguments of the script that polls the log.

use std::time::Duration;

use fred::types::Value;
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::Incarnation;

use crate::poll_budget::{NO_ENTRIES, PollAmount};
use crate::random_id::random;

/// Returns the arguments of `poll_log.lua`.
pub(crate) fn poll_arguments(cursor: &Cursor, amount: PollAmount, token: Incarnation) -> [Value; 13] {
    arguments(cursor, amount, token, i64::from(cursor.replaying))
}

/// Returns the arguments of a call that gives up the place of a start.
pub(crate) fn end_of_start(cursor: &Cursor, token: Incarnation) -> [Value; 13] {
    const HAS_REPLAYED: i64 = 2;
    arguments(cursor, NO_ENTRIES, token, HAS_REPLAYED)
}

fn arguments(cursor: &Cursor, amount: PollAmount, token: Incarnation, replay: i64) -> [Value; 13] {
    // A time that is too short makes the script append *all* without need. One that is too long
    // would be wrong.
    let micros = |age: Duration| Value::Integer(i64::try_from(age.as_micros()).unwrap_or(i64::MAX));
    let (newest, never) = (cursor.appends.newest, Value::Integer(-1));
    [
        random().to_string().into(),
        cursor.incarnation.to_string().into(),
        cursor.after.to_string().into(),
        Value::Integer(i64::from(cursor.broken)),
        Value::Integer(i64::try_from(cursor.capacity).unwrap_or(i64::MAX)),
        Value::Integer(amount.entries),
        Value::Integer(amount.bytes),
        Value::Integer(amount.names),
        token.to_string().into(),
        Value::Integer(replay),
        newest.map_or_else(String::new, |newest| newest.incarnation.to_string()).into(),
        newest.map_or_else(|| never.clone(), |newest| micros(newest.age)),
        cursor.appends.elsewhere.map_or(never, micros),
    ]
}
