//! The weight of a member in `Accept-Language` and `Accept-Encoding` (RFC 9110 §12.4.2).

/// Parses `"q=" qvalue` into thousandths: from 0 to 1, with at most three decimals.
pub(in crate::http) fn thousandths(weight: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', first @ (b'0' | b'1'), rest @ ..] = weight else {
        return None;
    };
    let digits = match rest {
        [] => rest,
        [b'.', digits @ ..] if digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit) => digits,
        _ => return None,
    };
    let digit = |place: usize| digits.get(place).map_or(0, |digit| u16::from(digit - b'0'));
    let behind = digit(0) * 100 + digit(1) * 10 + digit(2);
    match first {
        b'1' => (behind == 0).then_some(1000),
        _ => Some(behind),
    }
}
