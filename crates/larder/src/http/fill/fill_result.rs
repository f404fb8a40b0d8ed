//! What the holder of a lease leaves to those on other instances who waited for its fill.

use bytes::Bytes;
use larder_core::stored::wire;

use crate::http::memory::cached_response::CachedResponse;

/// How a fill ended that stored nothing.
pub(crate) enum FillResult {
    /// This is what the failing handler answered, encoded.
    HandlerFailed(Bytes),
    /// The handler failed, and what is stale stands in for its answer.
    ServedStale,
    /// What the handler made is not for others: everybody for themselves, at once.
    NotShared,
}

/// An answer that takes more than this is not told to other instances.
const MAX_FAILURE: usize = 64 * 1024;

const SERVED_STALE: &[u8] = b"stale";
const NOT_SHARED: &[u8] = b"alone";

impl FillResult {
    /// That the handler failed, and with which answer, unless that is too long: then one of those who wait is to ask it
    /// again.
    pub(super) fn handler_failed(failed: &CachedResponse) -> Option<Self> {
        if failed.body.len() > MAX_FAILURE {
            return None;
        }
        let value = wire::encode(&failed.to_stored());
        (value.len() <= MAX_FAILURE).then_some(Self::HandlerFailed(value))
    }

    /// As it is left in the shared store.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::HandlerFailed(value) => value,
            Self::ServedStale => Bytes::from_static(SERVED_STALE),
            Self::NotShared => Bytes::from_static(NOT_SHARED),
        }
    }

    /// What was left. Whatever else it may be, it is read as a response, with all that is asked of one.
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        match &*bytes {
            SERVED_STALE => Self::ServedStale,
            NOT_SHARED => Self::NotShared,
            _ => Self::HandlerFailed(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::time::Boot;

    use super::*;
    use crate::testing::stored;

    fn failed(body: usize) -> Option<FillResult> {
        let stored = stored("a", vec![b'x'; body]);
        FillResult::handler_failed(&CachedResponse::from_fill(
            stored,
            Some(Boot::from_nanos(1)),
            Boot::from_nanos(1),
        ))
    }

    #[test]
    fn a_word_is_read_as_it_was_left() {
        assert!(matches!(
            FillResult::from_bytes(FillResult::ServedStale.into_bytes()),
            FillResult::ServedStale
        ));
        assert!(matches!(FillResult::from_bytes(FillResult::NotShared.into_bytes()), FillResult::NotShared));
        let Some(FillResult::HandlerFailed(value)) = failed(10) else { panic!("it is short") };
        assert!(
            matches!(FillResult::from_bytes(value.clone()), FillResult::HandlerFailed(read) if read == value)
        );
        assert!(wire::decode(value, "a").is_ok());
    }

    #[test]
    fn a_long_answer_is_not_left() {
        assert!(failed(MAX_FAILURE - 1024).is_some());
        assert!(failed(MAX_FAILURE - 10).is_none(), "its fields count");
        assert!(failed(MAX_FAILURE + 1).is_none());
    }
}
