//! What fred's errors and values mean.

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};

/// The kind of trouble that an error is.
pub(crate) fn kind(error: &Error) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::Timeout => StoreErrorKind::Timeout,
        ErrorKind::Auth | ErrorKind::InvalidArgument | ErrorKind::InvalidCommand => StoreErrorKind::Refused,
        ErrorKind::Parse | ErrorKind::NotFound | ErrorKind::Protocol => StoreErrorKind::Unreadable,
        // An error reply that fred has no kind for, or something of its own.
        ErrorKind::Unknown if is_reply(error.details()) => StoreErrorKind::Refused,
        _ => StoreErrorKind::Unreachable,
    }
}

/// The store's error for fred's.
pub(crate) fn store_error(error: &Error) -> StoreError {
    StoreError::new(kind(error), error.details())
}

/// Whether it is a server's error reply: those begin with a word in capitals.
fn is_reply(text: &str) -> bool {
    text.split(' ')
        .next()
        .is_some_and(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Whether the server is not the primary, or may not be any more: it has become a replica, or is cut off from its own. There
/// may be a successor by now.
pub(crate) fn may_be_replaced(error: &Error) -> bool {
    ["READONLY", "MASTERDOWN", "NOREPLICAS"].iter().any(|word| error.details().starts_with(word))
}

/// An answer that is not what was asked for.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unreadable, what)
}

/// The text that the value is.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// The bytes that the value is.
pub(crate) fn bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => Some(text.inner().clone()),
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// The parts that the value is made of.
pub(crate) fn parts(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(parts) => Some(parts),
        _ => None,
    }
}

/// The number that the value is.
pub(crate) fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_says_is_a_refusal_and_what_fred_says_is_not() {
        use StoreErrorKind::{Refused, Timeout, Unreachable, Unreadable};
        let cases = [
            (ErrorKind::Timeout, "Request timed out.", Timeout),
            (ErrorKind::Canceled, "Connection closed unexpectedly.", Unreachable),
            (ErrorKind::IO, "Connection reset by peer", Unreachable),
            (ErrorKind::Unknown, "Client is not initialized.", Unreachable),
            (ErrorKind::Unknown, "Too many failed write attempts.", Unreachable),
            (ErrorKind::Cluster, "CLUSTERDOWN The cluster is down", Unreachable),
            (ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory", Refused),
            (ErrorKind::Unknown, "OOM command not allowed when used memory > 'maxmemory'.", Refused),
            (ErrorKind::Unknown, "READONLY You can't write against a read only replica.", Refused),
            (ErrorKind::Unknown, "MISCONF Redis is configured to save RDB snapshots", Refused),
            (ErrorKind::Unknown, "BUSY Redis is busy running a script.", Refused),
            (ErrorKind::Unknown, "NOPERM this user has no permissions", Refused),
            (ErrorKind::Unknown, "ERR unknown command", Refused),
            (ErrorKind::Auth, "NOAUTH Authentication required.", Refused),
            (ErrorKind::InvalidArgument, "WRONGTYPE Operation against a key", Refused),
            (ErrorKind::Parse, "Cannot parse into bytes.", Unreadable),
        ];
        for (kind_of, details, expected) in cases {
            assert_eq!(kind(&Error::new(kind_of, details)), expected, "{details}");
        }
    }
}
