//! Whether a response body arrived completely (RFC 9110 §6.1, RFC 9112 §8).

use http::HeaderMap;
use http::header::CONTENT_LENGTH;

use super::list::members;

/// Whether a body of `length` bytes is all that a response with these fields announced.
///
/// Without a stated length, a body that ended cleanly is complete.
///
/// RFC 9112 §8: "A message that uses a valid Content-Length is incomplete if the size of the
/// message body received (in octets) is less than the value given by Content-Length." A body that
/// is longer than that is not complete either. RFC 9110 §8.6 allows a list of equal numbers. A
/// value that is not a number matches no length.
#[must_use]
pub fn is_complete(headers: &HeaderMap, length: usize) -> bool {
    let length = u64::try_from(length).ok();
    lengths(headers).all(|stated| stated == length)
}

/// Returns the body length that the fields state.
///
/// Returns `None` if they state no length, different lengths, or a value that is not a number.
#[must_use]
pub fn stated_length(headers: &HeaderMap) -> Option<u64> {
    let first = lengths(headers).next()??;
    lengths(headers).all(|stated| stated == Some(first)).then_some(first)
}

/// Returns each body length that the fields state. `None` stands for a value that is not a number.
fn lengths(headers: &HeaderMap) -> impl Iterator<Item = Option<u64>> {
    let number = |member: &[u8]| {
        let digits =
            std::str::from_utf8(member).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse().ok())
    };
    let members = headers.get_all(CONTENT_LENGTH).iter().flat_map(|line| members(line.as_bytes()));
    members.map(number)
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
            (&["+5"], false),
            (&["99999999999999999999999999"], false),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("content-length", *line)).collect();
            let fields = fields(&lines);
            assert_eq!(is_complete(&fields, 5), expected, "{lines:?}");
            let states_five = expected && !lines.is_empty();
            assert_eq!(stated_length(&fields) == Some(5), states_five, "{lines:?}");
        }
    }
}
