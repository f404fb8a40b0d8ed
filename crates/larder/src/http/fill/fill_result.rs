//! What the holder of a lease leaves to those on other instances who waited for its fill.

use bytes::Bytes;
use larder_core::stored::wire;

use crate::http::memory::cached_response::Held;

/// How a fill ended that stored nothing.
pub(crate) enum Word {
    /// This is what the failing handler answered, encoded.
    Failed(Bytes),
    /// The handler failed, and what is stale stands in for its answer.
    Stale,
    /// What the handler made is not for others: everybody for themselves, at once.
    Alone,
}

/// An answer that takes more than this is not told to other instances.
const LONGEST: usize = 64 * 1024;

const STALE: &[u8] = b"stale";
const ALONE: &[u8] = b"alone";

impl Word {
    /// That the handler failed, and with which answer, unless that is too long: then one of those who wait is to ask it
    /// again.
    pub(super) fn of_failure(failed: &Held) -> Option<Self> {
        if failed.body.len() > LONGEST {
            return None;
        }
        let value = wire::encode(&failed.to_stored());
        (value.len() <= LONGEST).then_some(Self::Failed(value))
    }

    /// As it is left in the shared store.
    pub(crate) fn into_bytes(self) -> Bytes {
        match self {
            Self::Failed(value) => value,
            Self::Stale => Bytes::from_static(STALE),
            Self::Alone => Bytes::from_static(ALONE),
        }
    }

    /// What was left. Whatever else it may be, it is read as a response, with all that is asked of one.
    pub(super) fn from_bytes(bytes: Bytes) -> Self {
        match &*bytes {
            STALE => Self::Stale,
            ALONE => Self::Alone,
            _ => Self::Failed(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::time::Boot;

    use super::*;
    use crate::testing::stored;

    fn failed(body: usize) -> Option<Word> {
        let stored = stored("a", vec![b'x'; body]);
        Word::of_failure(&Held::filled(stored, Some(Boot::from_nanos(1)), Boot::from_nanos(1)))
    }

    #[test]
    fn a_word_is_read_as_it_was_left() {
        assert!(matches!(Word::from_bytes(Word::Stale.into_bytes()), Word::Stale));
        assert!(matches!(Word::from_bytes(Word::Alone.into_bytes()), Word::Alone));
        let Some(Word::Failed(value)) = failed(10) else { panic!("it is short") };
        assert!(matches!(Word::from_bytes(value.clone()), Word::Failed(read) if read == value));
        assert!(wire::decode(value, "a").is_ok());
    }

    #[test]
    fn a_long_answer_is_not_left() {
        assert!(failed(LONGEST - 1024).is_some());
        assert!(failed(LONGEST - 10).is_none(), "its fields count");
        assert!(failed(LONGEST + 1).is_none());
    }
}
