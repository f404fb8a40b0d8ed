//! Escapes the bytes that cannot stand in an encoded key as they are.

use std::borrow::Cow;

use super::word_scan::{self, EACH};

/// The first byte of an escape. Two hexadecimal digits follow it.
const ESCAPE: u8 = b'^';

/// Whether the byte has to be escaped.
///
/// This applies to the first byte of an escape, the separator of parts, the braces of a Redis hash
/// tag, white space, control characters, and bytes that are not ASCII.
pub(super) const fn is_special(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | ESCAPE | b'{' | b'|' | b'}' | 0x7f..)
}

/// Returns the escape of a byte.
pub(super) fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    [ESCAPE, DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Decodes an escaped text, or returns `None` if it is invalid.
pub(crate) fn undo(escaped: &str) -> Option<Cow<'_, str>> {
    let mut runs = escaped.split(char::from(ESCAPE));
    let first = runs.next()?;
    if first.len() == escaped.len() {
        return Some(Cow::Borrowed(escaped));
    }
    let mut text = first.as_bytes().to_vec();
    for run in runs {
        let (digits, rest) = run.split_at_checked(2)?;
        text.push(u8::from_str_radix(digits, 16).ok()?);
        text.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(text).ok().map(Cow::Owned)
}

/// Whether no byte of the text is special.
///
/// The result can be wrong in one direction: for a text with `~`, it may be `false`.
pub(super) fn is_plain(text: &[u8]) -> bool {
    !word_scan::any(text, |word| {
        // A borrow or a carry only leaves a byte that is itself a suspect. So it adds no suspect to
        // a word that has none.
        let up_to_space = word.wrapping_sub(EACH * 0x21);
        let an_escape = (word ^ (EACH * ESCAPE as u64)).wrapping_sub(EACH);
        let from_brace = word.wrapping_add(EACH * (0x80 - b'{' as u64));
        up_to_space | an_escape | from_brace | word
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_at_once_see_what_one_at_a_time_sees() {
        for len in 0..40 {
            for at in 0..len {
                for byte in 0..=u8::MAX {
                    for around in [b'a', b'!', b'z', b']', b'_'] {
                        let mut text = vec![around; len];
                        text[at] = byte;
                        let expected = !is_special(byte);
                        assert!(
                            is_plain(&text) == expected || byte == b'~',
                            "{byte:#x} at {at} of {len} among {around:#x}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn an_escaped_text_is_read_back() {
        for (escaped, text) in [("/a", Some("/a")), ("", Some("")), ("^5E5E^C3^A9", Some("^5E\u{e9}"))] {
            assert_eq!(undo(escaped).as_deref(), text, "{escaped}");
        }
        for broken in ["^", "a^5", "^xy", "^FF", "^\u{e9}"] {
            assert_eq!(undo(broken), None, "{broken}");
        }
    }

    #[test]
    fn an_escape_is_plain_but_for_its_sign() {
        for byte in 0..=u8::MAX {
            let [sign, digits @ ..] = escape(byte);
            assert_eq!(sign, ESCAPE);
            assert_eq!(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16), Ok(byte));
            assert!(!digits.iter().any(|&digit| is_special(digit)));
        }
    }
}
