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

/// The address of the variant of `key` whose selecting fields have this digest.
#[must_use]
pub fn variant(key: &str, digest: u128) -> String {
    format!("{{{key}}}:v:{digest:032x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_readable_and_hash_tagged() {
        assert_eq!(primary("k|user:42"), "{k|user:42}");
        assert_eq!(variant("k|user:42", 0xabc), "{k|user:42}:v:00000000000000000000000000000abc");
    }
}
