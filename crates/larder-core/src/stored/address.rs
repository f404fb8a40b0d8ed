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

/// The address of what the responses under `base`, the key of a URI without its query, said last of the queries that they
/// answer. It frees itself: what is found by it is never believed of a response.
#[must_use]
pub fn variation(base: &str) -> String {
    format!("{{{base}}}:n")
}

/// The key that something with this address is stored under; `None` if it is no address.
#[must_use]
pub fn key_of(address: &str) -> Option<&str> {
    let (key, rest) = address.strip_prefix('{')?.split_once('}')?;
    let is_place = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (rest.is_empty() || rest.strip_prefix(":v:").is_some_and(is_place)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_readable_and_hash_tagged() {
        assert_eq!(primary("k|user:42"), "{k|user:42}");
        assert_eq!(variant("k|user:42", 0xabc), "{k|user:42}:v:2bc");
        assert_eq!(variation("u|http|a|/b"), "{u|http|a|/b}:n");
    }

    #[test]
    fn an_address_tells_its_key() {
        for address in [primary("u|/a"), variant("u|/a", 7), variant("u|/a", u128::MAX)] {
            assert_eq!(key_of(&address), Some("u|/a"));
        }
        for other in
            ["", "u|/a", "{u|/a", "{u|/a}:mine", "{u|/a}:v:7", "{u|/a}:v:00g", "{u|/a}:lease", "{u|/a}:n"]
        {
            assert_eq!(key_of(other), None, "{other}");
        }
    }

    #[test]
    fn made_up_variants_of_one_key_share_the_places_that_there_are() {
        let addresses: std::collections::HashSet<_> =
            (0..20_000_u128).map(|nth| variant("k", nth * 0x9e37_79b9_7f4a_7c15)).collect();
        assert_eq!(addresses.len() as u128, VARIANTS);
    }
}
