//! The result that the holder of a lease leaves for the instances that wait for its fill.

use bytes::Bytes;

/// The result of a fill that stored nothing.
pub(crate) enum FillResult {
    /// The handler failed with this response, which is encoded.
    HandlerFailed(Bytes),
    /// The handler failed, and a stale response was served instead.
    ServedStale,
    /// The response is not for other requests. Each of them runs the handler for itself, at once.
    NotShared,
    /// The handler failed, and its response is not for other requests.
    ///
    /// Each of them runs the handler for itself, but few do so at once.
    FailureNotShared,
}

/// Maximum size of a failure that is left for other instances, in bytes.
const MAX_FAILURE: usize = 64 * 1024;

const SERVED_STALE: &[u8] = b"stale";
const NOT_SHARED: &[u8] = b"alone";
const FAILURE_NOT_SHARED: &[u8] = b"failed";

impl FillResult {
    /// Returns the result of a fill whose handler failed with this response, as `encode` returns
    /// it.
    ///
    /// Returns `None` if the response is too long. `length` is that of its body. One of the waiting
    /// instances then runs the handler again.
    pub(crate) fn handler_failed(length: usize, encode: impl FnOnce() -> Bytes) -> Option<Self> {
        if length > MAX_FAILURE {
            return None;
        }
        let value = encode();
        (value.len() <= MAX_FAILURE).then_some(Self::HandlerFailed(value))
    }

    /// Returns the form in which the result is left in the shared tier.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::HandlerFailed(value) => value,
            Self::ServedStale => Bytes::from_static(SERVED_STALE),
            Self::NotShared => Bytes::from_static(NOT_SHARED),
            Self::FailureNotShared => Bytes::from_static(FAILURE_NOT_SHARED),
        }
    }

    /// Parses a result.
    ///
    /// All bytes but the three fixed values are taken for a response, which the reader checks like
    /// any other.
    pub(crate) fn from_bytes(bytes: Bytes) -> Self {
        match &*bytes {
            SERVED_STALE => Self::ServedStale,
            NOT_SHARED => Self::NotShared,
            FAILURE_NOT_SHARED => Self::FailureNotShared,
            _ => Self::HandlerFailed(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(length: usize) -> Option<FillResult> {
        FillResult::handler_failed(length, || Bytes::from(vec![b'x'; length + 100]))
    }

    #[test]
    fn a_word_is_read_as_it_was_left() {
        assert!(matches!(
            FillResult::from_bytes(FillResult::ServedStale.into_bytes()),
            FillResult::ServedStale
        ));
        assert!(matches!(FillResult::from_bytes(FillResult::NotShared.into_bytes()), FillResult::NotShared));
        assert!(matches!(
            FillResult::from_bytes(FillResult::FailureNotShared.into_bytes()),
            FillResult::FailureNotShared
        ));
        let Some(FillResult::HandlerFailed(value)) = failed(10) else { panic!("it is short") };
        assert!(
            matches!(FillResult::from_bytes(value.clone()), FillResult::HandlerFailed(read) if read == value)
        );
    }

    #[test]
    fn a_long_answer_is_not_left() {
        assert!(failed(MAX_FAILURE - 1024).is_some());
        assert!(failed(MAX_FAILURE - 10).is_none(), "its fields count");
        assert!(failed(MAX_FAILURE + 1).is_none());
    }
}
