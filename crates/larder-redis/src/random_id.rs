//! Random ids, for incarnations of the log and for stores.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::time::{SystemTime, UNIX_EPOCH};

use larder_core::invalidation::position::Incarnation;

/// Returns a random id.
///
/// The standard library's hashers are keyed by the operating system's randomness. The time
/// distinguishes two clones of one virtual machine.
pub(crate) fn random() -> Incarnation {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let half = || {
        let mut hasher = RandomState::new().build_hasher();
        hasher.write_u128(now.as_nanos());
        u128::from(hasher.finish())
    };
    Incarnation::from_bytes(((half() << 64) | half()).to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_incarnations_are_alike() {
        assert_ne!(random(), random());
    }
}
