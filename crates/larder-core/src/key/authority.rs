//! The host of a request, in one spelling.

use std::borrow::Cow;

use super::words::{self, EACH};

/// Returns the authority in lower case and without the default port of the scheme.
#[inline]
#[must_use]
pub fn normal<'a>(scheme: &str, authority: &'a str) -> Cow<'a, str> {
    let without_default = match scheme {
        "https" => authority.strip_suffix(":443"),
        _ => authority.strip_suffix(":80"),
    };
    let host = without_default.unwrap_or(authority);
    if is_lower_case(host) { Cow::Borrowed(host) } else { Cow::Owned(host.to_ascii_lowercase()) }
}

/// Whether the text has no upper-case letters.
///
/// The result can be wrong in one direction: for a text that is not ASCII, it may be `false`.
fn is_lower_case(text: &str) -> bool {
    !words::any(text.as_bytes(), |word| {
        let from_a = word.wrapping_add(EACH * (0x80 - b'A' as u64));
        let above_z = word.wrapping_add(EACH * (0x7f - b'Z' as u64));
        from_a & !above_z | word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_in_lower_case_and_without_the_default_port() {
        let cases = [
            ("http", "shop.example:80", "shop.example"),
            ("http", "shop.example:443", "shop.example:443"),
            ("https", "Shop.Example:443", "shop.example"),
            ("https", "SHOP.example:80", "shop.example:80"),
            ("http", "[FE80::80]:80", "[fe80::80]"),
            ("http", "aZ", "az"),
            ("http", "", ""),
        ];
        for (scheme, authority, expected) in cases {
            assert_eq!(normal(scheme, authority), expected);
        }
    }

    #[test]
    fn only_upper_case_letters_make_a_copy() {
        for byte in 0..128_u8 {
            let host = format!("shop.{}.example", char::from(byte));
            let is_copy = matches!(normal("http", &host), Cow::Owned(_));
            assert_eq!(is_copy, byte.is_ascii_uppercase(), "{host:?}");
        }
        assert_eq!(normal("http", "é.Example"), "é.example");
    }
}
