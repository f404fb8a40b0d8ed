//! The addresses of stored responses in the shared tier.

use crate::http::content_coding::ContentCoding;

/// Returns the address of the value that is stored under `key`.
///
/// The value is a response, or the fields that select one of several responses.
///
/// The braces are a Redis hash tag, so that all values of one key share a slot. An encoded key
/// contains no braces.
#[must_use]
pub fn primary(key: &str) -> String {
    // Called on every hit in the shared tier. `format!` takes ten times as long.
    let mut address = String::with_capacity(key.len() + 2);
    address.push('{');
    address.push_str(key);
    address.push('}');
    address
}

/// Maximum number of variants that are kept of one key.
///
/// A client that makes up field values makes up a variant with each of them. Because of this limit,
/// such variants only push each other out. A stored value says which variant it is, so two variants
/// that share an address cost a miss and no more.
pub const VARIANTS: u128 = 1024;

/// Returns the address of the variant of `key` with selecting fields of this digest.
#[must_use]
pub fn variant(key: &str, digest: u128) -> String {
    format!("{{{key}}}:v:{:03x}", digest % VARIANTS)
}

/// Returns the address of the variation hint for `base`, the key of a URI without its query.
///
/// The hint is what the responses under `base` said last about the queries that they answer. It is
/// left to expire, because it is never evidence about a response.
#[must_use]
pub fn variation(base: &str) -> String {
    format!("{{{base}}}:n")
}

/// Returns the address of the coded body of the response to `key` with this digest of its selecting
/// fields, or zero without them.
///
/// It is no address of a response. The value says which body it was made of.
#[must_use]
pub fn coded_body(key: &str, digest: u128, coding: ContentCoding) -> String {
    format!("{{{key}}}:c:{coding}:{:03x}", digest % VARIANTS)
}

/// Returns the key of a response or a variant at this address.
///
/// Returns `None` if the text is not such an address.
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
        assert_eq!(coded_body("k|user:42", 0xabc, ContentCoding::Br), "{k|user:42}:c:br:2bc");
    }

    #[test]
    fn an_address_tells_its_key() {
        for address in [primary("u|/a"), variant("u|/a", 7), variant("u|/a", u128::MAX)] {
            assert_eq!(key_of(&address), Some("u|/a"));
        }
        for other in [
            "",
            "u|/a",
            "{u|/a",
            "{u|/a}:mine",
            "{u|/a}:v:7",
            "{u|/a}:v:00g",
            "{u|/a}:lease",
            "{u|/a}:n",
            "{u|/a}:c:br:000",
        ] {
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
