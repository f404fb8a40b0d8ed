//! Percent-decoding without a buffer.

/// Decodes the name of a form field: a plus sign is a space, the rest is as in [`percent`].
pub(crate) fn form(text: &[u8]) -> impl Iterator<Item = u8> {
    decoded(text, b' ')
}

/// Decodes a percent-encoded text (RFC 3986 §2.1).
///
/// A percent sign without two hexadecimal digits stands for itself, as in the decoders of forms and
/// cookies.
pub(super) fn percent(text: &[u8]) -> impl Iterator<Item = u8> {
    decoded(text, b'+')
}

fn decoded(text: &[u8], plus: u8) -> impl Iterator<Item = u8> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (&first, tail) = rest.split_first()?;
        rest = tail;
        match first {
            b'%' => match escaped(tail) {
                Some((byte, tail)) => {
                    rest = tail;
                    Some(byte)
                }
                None => Some(first),
            },
            b'+' => Some(plus),
            _ => Some(first),
        }
    })
}

fn escaped(after_percent: &[u8]) -> Option<(u8, &[u8])> {
    let ([high, low], tail) = after_percent.split_first_chunk()?;
    Some((digit(*high)? << 4 | digit(*low)?, tail))
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_escape_stands_for_itself() {
        let cases: [(&[u8], &[u8], &[u8]); 8] = [
            (b"", b"", b""),
            (b"q", b"q", b"q"),
            (b"%71", b"q", b"q"),
            (b"%C3%a9+", "é ".as_bytes(), "é+".as_bytes()),
            (b"%2B", b"+", b"+"),
            (b"%2", b"%2", b"%2"),
            (b"%%71", b"%q", b"%q"),
            (b"%g1%", b"%g1%", b"%g1%"),
        ];
        for (text, as_form, as_percent) in cases {
            assert_eq!(form(text).collect::<Vec<_>>(), as_form);
            assert_eq!(percent(text).collect::<Vec<_>>(), as_percent);
        }
    }
}
