//! The text form of ids that consist of 128 random bits.

/// Parses 32 lower-case hexadecimal digits. No other spelling of the same number is accepted.
pub(crate) fn parse(text: &str) -> Option<[u8; 16]> {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 32 || !text.bytes().all(is_digit) {
        return None;
    }
    u128::from_str_radix(text, 16).ok().map(u128::to_be_bytes)
}
