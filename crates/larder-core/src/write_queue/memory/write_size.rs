//! The size of a write, and lengths as numbers.

use crate::write_queue::push::WritePayload;

/// Returns the size that counts for the limits of a queue: of the key and the payload.
pub(super) fn size(key: &str, payload: &WritePayload) -> u64 {
    len(key.len() + payload.bytes().len())
}

pub(super) fn len(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
