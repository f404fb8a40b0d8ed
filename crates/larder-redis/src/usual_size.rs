//! The usual size of values, which decides how many of them fit one reply.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;

/// The approximate maximum size of one reply to a request for many values, in bytes.
///
/// Single lookups should not have to wait long for it.
pub(crate) const MAX_REPLY_BYTES: usize = 128 * 1024;

/// The size that is assumed before any value was read, in bytes.
const FIRST_GUESS: usize = 32 * 1024;
/// The number of kinds of keys whose sizes are tracked apart from each other.
const KINDS: usize = 64;

/// A running mean of the sizes of values, in bytes. Each new value counts for an eighth.
#[derive(Debug, Default)]
pub(crate) struct UsualSize(AtomicUsize);

impl UsualSize {
    /// Creates a mean that begins at `bytes`.
    pub(crate) const fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    /// Returns the mean.
    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Records the sizes of values.
    pub(crate) fn record<'a>(&self, values: impl Iterator<Item = &'a Bytes>) {
        let before = self.get();
        let usual = values.fold(before, |usual, value| usual - usual / 8 + value.len() / 8);
        // Two concurrent updates can lose a value, which does not change the mean noticeably.
        if usual != before {
            self.0.store(usual, Ordering::Relaxed);
        }
    }

    /// Raises the mean, up to the size of a reply, after a reply did not come in time.
    ///
    /// It grows quickly, because the third reply that is too late may open the circuit.
    pub(crate) fn raise(&self) {
        self.0.store(self.get().max(1).saturating_mul(8).min(MAX_REPLY_BYTES), Ordering::Relaxed);
    }
}

/// The usual sizes of values, by the kind of their keys.
///
/// Two kinds may share an entry, so that one of them is read in more rounds than necessary.
#[derive(Debug)]
pub(crate) struct SizesByKind([UsualSize; KINDS]);

impl Default for SizesByKind {
    fn default() -> Self {
        Self([const { UsualSize::new(FIRST_GUESS) }; KINDS])
    }
}

impl SizesByKind {
    /// Returns the usual size of the values whose keys are like this one.
    ///
    /// The keys of a collection begin with the same two words.
    pub(crate) fn of(&self, key: &str) -> &UsualSize {
        let kind = key.match_indices('|').nth(1).map_or("", |(end, _)| &key[..end]);
        let mut hasher = DefaultHasher::new();
        kind.hash(&mut hasher);
        let kinds = self.0.len() as u64;
        usize::try_from(hasher.finish() % kinds).ok().and_then(|at| self.0.get(at)).unwrap_or(&self.0[0])
    }
}

/// Returns how many values of this size fit into one reply to a request for many values.
pub(crate) const fn values_per_reply(usual: usize, most: usize) -> usize {
    values_within(MAX_REPLY_BYTES, usual, most)
}

/// Returns how many values of this size fit into a reply: at least one, and at most `most`.
pub(crate) const fn values_within(bytes: usize, usual: usize, most: usize) -> usize {
    match bytes.checked_div(usual) {
        Some(0) => 1,
        Some(fitting) if fitting < most => fitting,
        Some(_) | None => most,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_one_kind_of_keys() {
        let sizes = SizesByKind::default();
        let (one, same, other) =
            (sizes.of("{v|product|1}"), sizes.of("{v|product|2|3}"), sizes.of("{v|user|1}"));
        assert!(std::ptr::eq(one, same));
        assert!(!std::ptr::eq(one, other));
        for key in ["", "{u}", "{u|/a}"] {
            assert_eq!(sizes.of(key).get(), FIRST_GUESS);
        }
    }

    /// A server that hangs says nothing about the sizes. They are known again after some values.
    #[test]
    fn after_replies_that_came_late_fewer_values_are_read_at_once() {
        let sizes = UsualSize::new(1024);
        sizes.raise();
        assert_eq!(sizes.get(), 8 * 1024);
        (0..20).for_each(|_| sizes.raise());
        assert_eq!(sizes.get(), MAX_REPLY_BYTES);
        let value = Bytes::from(vec![0; 800]);
        sizes.record(std::iter::repeat_n(&value, 48));
        assert!((700..1200).contains(&sizes.get()), "{}", sizes.get());
    }
}
