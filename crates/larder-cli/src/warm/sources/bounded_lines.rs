//! Lines up to a length.

use std::io::{self, BufRead};

/// The longest line. A URL has at most 8 KiB, and a log line has a referrer too.
pub(super) const MAX_LINE: usize = 32 * 1024;

/// A line of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line without its end.
    Text(Vec<u8>),
    /// A line over the bound. It is skipped.
    TooLong,
}

/// Reads the next line, in bounded memory. Returns `None` at the end of the file.
pub(super) fn next_line(reader: &mut impl BufRead) -> io::Result<Option<Line>> {
    let (mut line, mut is_too_long, mut is_empty) = (Vec::new(), false, true);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        is_empty = false;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        is_too_long |= line.len() + part.len() > MAX_LINE;
        if !is_too_long {
            line.extend_from_slice(part);
        }
        let used = end.map_or(buffer.len(), |end| end + 1);
        reader.consume(used);
        if end.is_some() {
            break;
        }
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok(match (is_empty, is_too_long) {
        (true, _) => None,
        (false, true) => Some(Line::TooLong),
        (false, false) => Some(Line::Text(line)),
    })
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use proptest::prelude::*;

    use super::*;

    fn lines(bytes: &[u8], capacity: usize) -> Vec<Line> {
        let mut reader = BufReader::with_capacity(capacity, bytes);
        std::iter::from_fn(|| next_line(&mut reader).unwrap()).collect()
    }

    #[test]
    fn a_long_line_is_skipped_and_the_next_one_is_read() {
        let text = |text: &str| Line::Text(text.as_bytes().to_vec());
        let long = format!("a\r\n{}\n\nb", "x".repeat(MAX_LINE + 1));
        for capacity in [1, 7, 8192] {
            assert_eq!(lines(long.as_bytes(), capacity), [text("a"), Line::TooLong, text(""), text("b")]);
        }
        assert_eq!(lines(b"", 8), []);
    }

    proptest! {
        #[test]
        fn lines_are_those_of_the_standard_library(text in "[ab\\n]{0,60}", capacity in 1_usize..9) {
            let expected: Vec<_> = text.lines().map(|line| Line::Text(line.as_bytes().to_vec())).collect();
            prop_assert_eq!(lines(text.as_bytes(), capacity), expected);
        }
    }
}
