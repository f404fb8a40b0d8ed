//! The order in which stored entries are listed, page by page.

use twox_hash::XxHash3_128;

/// Returns the place of an entry in a listing.
///
/// `variant` is the digest of the variant, or zero. The order has no meaning. An entry keeps its
/// place while others come and go, and no entry of the same listing has it too. So a listing needs
/// only the last place to go on, and shows no key for that.
#[must_use]
pub fn list_order(key: &str, variant: u128) -> u128 {
    XxHash3_128::oneshot(key.as_bytes()) ^ variant
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_variant_of_each_key_has_its_own_place() {
        let keys = (0..1_000).map(|n| format!("k|{n}"));
        let places: HashSet<_> =
            keys.flat_map(|key| [0, 1, u128::MAX].map(|variant| list_order(&key, variant))).collect();
        assert_eq!(places.len(), 3_000);
        assert_eq!(list_order("k|a", 7), list_order("k|a", 7));
    }
}
