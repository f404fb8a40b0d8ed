//! Which bytes may stand in an encoded key as they are, and how the others are written.

use super::words::{self, EACH};

/// `^`, then two hexadecimal digits.
const ESCAPE: u8 = b'^';

/// Whether the byte has to be written as an escape: the escape sign itself, the separator of parts, the braces of a
/// Redis hash tag, white space, controls, and what is not ASCII.
pub(super) const fn is_special(byte: u8) -> bool {
    matches!(byte, 0..=b' ' | ESCAPE | b'{' | b'|' | b'}' | 0x7f..)
}

/// The byte as an escape.
pub(super) fn escape(byte: u8) -> [u8; 3] {
    const DIGITS: [u8; 16] = *b"0123456789ABCDEF";
    [ESCAPE, DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]
}

/// Whether no byte of the text is special. It may be wrong in one direction, and call a text with `~` not plain.
pub(super) fn is_plain(text: &[u8]) -> bool {
    !words::any(text, |word| {
        // A borrow or carry goes only out of a byte that is itself a suspect, so it makes none of an innocent word.
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
    fn an_escape_is_plain_but_for_its_sign() {
        for byte in 0..=u8::MAX {
            let [sign, digits @ ..] = escape(byte);
            assert_eq!(sign, ESCAPE);
            assert_eq!(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16), Ok(byte));
            assert!(!digits.iter().any(|&digit| is_special(digit)));
        }
    }
}
