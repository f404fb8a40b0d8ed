//! Mistakes in an application, each of which is logged once.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

/// The maximum number of mistakes that are remembered. Further ones are not logged.
const CAPACITY: usize = 1_024;

/// The mistakes of one kind that have been logged.
///
/// A mistake in the code of an application usually shows with each request. Its first occurrence
/// says enough.
pub(crate) struct WarnedOnce(Mutex<BTreeSet<Box<str>>>);

impl WarnedOnce {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(BTreeSet::new()))
    }

    /// Notes the mistake with this name. Returns whether it is the first time, and is to be logged.
    pub(crate) fn is_first(&self, name: &str) -> bool {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.len() < CAPACITY && !seen.contains(name) && seen.insert(name.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mistake_is_logged_once_up_to_the_capacity() {
        let warned = WarnedOnce::new();
        assert!(warned.is_first("a") && warned.is_first("b"));
        assert!(!warned.is_first("a") && !warned.is_first("b"));
        let first = (2..CAPACITY + 9).filter(|number| warned.is_first(&number.to_string())).count();
        assert_eq!(first, CAPACITY - 2);
    }
}
