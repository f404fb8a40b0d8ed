//! The meaning of fred's errors and values.

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::types::Value;
use larder_core::store::{StoreError, StoreErrorKind};

/// Returns the store's kind of error for an error of fred's.
pub(crate) fn kind(error: &Error) -> StoreErrorKind {
    match error.kind() {
        ErrorKind::Timeout => StoreErrorKind::Timeout,
        ErrorKind::Auth | ErrorKind::InvalidArgument | ErrorKind::InvalidCommand => StoreErrorKind::Refused,
        ErrorKind::Parse | ErrorKind::NotFound | ErrorKind::Protocol => StoreErrorKind::Unreadable,
        // fred uses this kind for error replies without a kind of their own, and for some errors of
        // its own.
        ErrorKind::Unknown if is_reply(error.details()) => StoreErrorKind::Refused,
        _ => StoreErrorKind::Unreachable,
    }
}

/// Converts fred's error into the store's.
pub(crate) fn store_error(error: &Error) -> StoreError {
    StoreError::new(kind(error), error.details())
}

/// Whether the command of this error had no effect, and will have none.
///
/// Either the server refused it, or it was not sent. The texts are those of fred 10.1.0 for a
/// command that fails before it is written to a connection.
pub(crate) fn has_no_effect(error: &Error) -> bool {
    const NOT_SENT: [&str; 4] = [
        "Connection closed unexpectedly.",
        "Client is not initialized.",
        "Failed to send command to router.",
        "Failed to route command.",
    ];
    kind(error) == StoreErrorKind::Refused || NOT_SENT.contains(&error.details())
}

/// Whether the text is an error reply of a server, which begins with a word in capitals.
fn is_reply(text: &str) -> bool {
    text.split(' ')
        .next()
        .is_some_and(|word| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase()))
}

/// Whether the server is not the primary, or may no longer be.
///
/// It has become a replica, or is cut off from its own replicas. There may be a successor by now.
pub(crate) fn may_be_replaced(error: &Error) -> bool {
    ["READONLY", "MASTERDOWN", "NOREPLICAS"].iter().any(|word| error.details().starts_with(word))
}

/// Returns the error for an answer that does not fit the command.
pub(crate) fn unreadable(what: &str) -> StoreError {
    StoreError::new(StoreErrorKind::Unreadable, what)
}

/// Returns the text, if the value is a text.
pub(crate) fn text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Returns the bytes, if the value is a text or bytes.
pub(crate) fn bytes(value: &Value) -> Option<Bytes> {
    match value {
        Value::String(text) => Some(text.inner().clone()),
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    }
}

/// Returns the elements, if the value is an array.
pub(crate) fn parts(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(parts) => Some(parts),
        _ => None,
    }
}

/// Returns the number, if the value is an integer.
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
    fn an_error_of_the_server_is_a_refusal_and_one_of_fred_is_not() {
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
