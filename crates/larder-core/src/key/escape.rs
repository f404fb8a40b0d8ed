//! Which bytes may stand in an encoded key as they are, and how the others are written.

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
    [
        ESCAPE,
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]
}

/// Whether no byte of the text is special. It may be wrong in one direction, and call a text with `~` not plain.
pub(super) fn is_plain(text: &[u8]) -> bool {
    let (words, _) = text.as_chunks::<8>();
    match text.last_chunk::<8>() {
        // The last word overlaps the one before it, which is cheaper than a loop over what is left.
        Some(last) => suspects(last) | words.iter().fold(0, |sum, word| sum | suspects(word)) == 0,
        None => !text.iter().any(|&byte| is_special(byte)),
    }
}

/// Not zero if one of the eight bytes is special or `~`.
fn suspects(word: &[u8; 8]) -> u64 {
    const EACH: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let word = u64::from_ne_bytes(*word);
    // The usual tricks with eight bytes at once. A borrow or carry can spill into the next byte only out of a byte that
    // is itself suspect, so the sum of all is zero exactly if none is.
    let escapes = word ^ (EACH * ESCAPE as u64);
    let up_to_space = word.wrapping_sub(EACH * 0x21) & !word;
    let an_escape = escapes.wrapping_sub(EACH) & !escapes;
    let from_brace = word.wrapping_add(EACH * (0x80 - b'{' as u64)) | word;
    (up_to_space | an_escape | from_brace) & HIGH
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
