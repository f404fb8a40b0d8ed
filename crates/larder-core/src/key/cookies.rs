//! The cookies of a request.

use http::{HeaderMap, HeaderValue, header};

/// Returns the name and value of each cookie (RFC 6265 §5.4), as they were sent.
///
/// They are not decoded, and quotes are not removed. A cookie without `=` has an empty name.
/// Malformed input gives odd names, never an error.
pub fn names_and_values(request: &HeaderMap) -> impl Iterator<Item = (&[u8], &[u8])> {
    request.get_all(header::COOKIE).iter().flat_map(pairs).map(|pair| match split(pair) {
        Some((name, value)) => (name.trim_ascii(), value.trim_ascii()),
        None => (&[] as &[u8], pair),
    })
}

/// Returns the `name=value` pairs of the request, and for each whether its line is text.
///
/// The white space around a pair is removed. Many handlers skip a line that is not text.
pub(super) fn pairs_of_lines(request: &HeaderMap) -> impl Iterator<Item = (&[u8], bool)> {
    request.get_all(header::COOKIE).iter().flat_map(|line| {
        let is_text = line.to_str().is_ok();
        pairs(line).map(move |pair| (pair, is_text))
    })
}

fn pairs(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    let pairs = line.as_bytes().split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
    pairs.filter(|pair| !pair.is_empty())
}

/// Splits a pair at the first `=`.
pub(super) fn split(pair: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = pair.iter().position(|&byte| byte == b'=')?;
    Some((&pair[..at], &pair[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_and_every_pair_is_seen() {
        type Case<'a> = (&'a [&'a [u8]], &'a [(&'a [u8], &'a [u8])]);
        let cases: [Case<'_>; 7] = [
            (&[], &[]),
            (&[b""], &[]),
            (&[b"a=1; b=2"], &[(b"a", b"1"), (b"b", b"2")]),
            (&[b"a=1", b"a=2"], &[(b"a", b"1"), (b"a", b"2")]),
            (&[b" a = \"1=2\" ;;b="], &[(b"a", b"\"1=2\""), (b"b", b"")]),
            (&[b"bare;=x"], &[(b"", b"bare"), (b"", b"x")]),
            (&[b"\xff=\xfe"], &[(b"\xff", b"\xfe")]),
        ];
        for (lines, expected) in cases {
            let mut request = HeaderMap::new();
            for line in lines {
                request.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
            }
            assert_eq!(names_and_values(&request).collect::<Vec<_>>(), expected);
        }
    }
}
