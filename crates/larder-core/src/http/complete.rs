//! Whether a response came whole (RFC 9110 §6.1, RFC 9112 §8).

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use super::list::members;

/// Whether a body of so many bytes is all that a response with these fields announced: it says nothing of that, or just
/// this. What ended cleanly is complete where it says nothing.
///
/// RFC 9112 §8: "A message that uses a valid Content-Length is incomplete if the size of the message body received (in
/// octets) is less than the value given by Content-Length." More than that is no better. RFC 9110 §8.6 allows a list of equal
/// numbers; what is none is not believed.
#[must_use]
pub fn is_complete(headers: &HeaderMap, length: usize) -> bool {
    let number = |member: &[u8]| str::from_utf8(member).ok().and_then(|digits| digits.parse().ok());
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter().flat_map(|line| members(line.as_bytes()));
    lengths.all(|member| number(member) == Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    /// RFC 9112 §8.
    #[test]
    fn a_body_is_complete_if_it_is_as_long_as_it_says() {
        for (lines, expected) in [
            (&[][..], true),
            (&["5"], true),
            (&["6"], false),
            (&["4"], false),
            (&["5, 5"], true),
            (&["5", "5"], true),
            (&["5, 6"], false),
            (&["5", "6"], false),
            (&[""], false),
            (&["five"], false),
            (&["99999999999999999999999999"], false),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("content-length", *line)).collect();
            assert_eq!(is_complete(&fields(&lines), 5), expected, "{lines:?}");
        }
    }
}
