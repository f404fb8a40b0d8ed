//! Where a stored response is kept in the shared tier.

/// The address of what is stored under `key`: a response, or the fields that select one of several.
///
/// The braces are a Redis hash tag, so that what belongs to one key shares a slot; an encoded key holds none itself.
#[must_use]
pub fn primary(key: &str) -> String {
    // Asked for on every hit there; `format!` takes ten times as long.
    let mut address = String::with_capacity(key.len() + 2);
    address.push('{');
    address.push_str(key);
    address.push('}');
    address
}

/// So many variants of one key are kept at most. Whoever makes up field values makes up a variant with each; here they
/// only push each other out. What is found says which variant it is, so that to share a place costs a miss and no more.
pub const VARIANTS: u128 = 1024;

/// The address of the variant of `key` whose selecting fields have this digest.
#[must_use]
pub fn variant(key: &str, digest: u128) -> String {
    format!("{{{key}}}:v:{:03x}", digest % VARIANTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_readable_and_hash_tagged() {
        assert_eq!(primary("k|user:42"), "{k|user:42}");
        assert_eq!(variant("k|user:42", 0xabc), "{k|user:42}:v:2bc");
    }

    #[test]
    fn made_up_variants_of_one_key_share_the_places_that_there_are() {
        let addresses: std::collections::HashSet<_> =
            (0..20_000_u128).map(|nth| variant("k", nth * 0x9e37_79b9_7f4a_7c15)).collect();
        assert_eq!(addresses.len() as u128, VARIANTS);
    }
}
