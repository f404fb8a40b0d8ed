//! The content codings that a request accepts, and the one that it gets.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

use super::ContentCoding;
use crate::http::list::{members, trim};
use crate::http::vary::thousandths;

/// The content codings that a request accepts (RFC 9110 §12.5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedCodings {
    /// The weight of each coding, in half thousandths. A coding with weight 0 is not accepted.
    codings: [u16; 3],
    /// The weight of the body without a coding.
    identity: u16,
}

/// The weight of `identity` where the field does not mention it: accepted, and below all others.
const LEAST: u16 = 1;
const MOST: u16 = 2000;

/// The representation that a request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // Callers read all of it.
pub struct Preferred {
    /// The coding that the request prefers. `None` if it gets the body as it is.
    pub coding: Option<ContentCoding>,
    /// Whether the request accepts the body without a coding.
    pub accepts_identity: bool,
}

impl AcceptedCodings {
    /// The codings of a request without the field. It gets the body as it is.
    ///
    /// RFC 9110 §12.5.3: "If no Accept-Encoding header field is in the request, any content coding
    /// is considered acceptable by the user agent." Many clients without the field decode nothing.
    pub const NONE: Self = Self { codings: [0; 3], identity: MOST };

    /// Returns the codings that a request accepts.
    #[must_use]
    pub fn of(request: &HeaderMap) -> Self {
        let mut lines = request.get_all(ACCEPT_ENCODING).iter().peekable();
        if lines.peek().is_none() {
            return Self::NONE;
        }
        let mut listed = Listed::default();
        for line in lines {
            members(line.as_bytes()).filter_map(parse).for_each(|(name, weight)| listed.add(name, weight));
        }
        listed.resolve()
    }

    /// Returns the representation that a request gets, given the codings that there are.
    ///
    /// RFC 9110 §12.5.3: "When selecting between multiple content codings that have the same
    /// purpose, the acceptable content coding with the highest non-zero qvalue is preferred."
    /// Between equal weights, the first of `offered` is chosen, and a coding before none.
    #[must_use]
    #[inline]
    pub fn prefer(&self, offered: &[ContentCoding]) -> Preferred {
        let mut best = (0, None);
        for &coding in offered {
            let weight = self.codings[coding.index()];
            if weight > best.0 {
                best = (weight, Some(coding));
            }
        }
        let coding = if best.0 >= self.identity { best.1 } else { None };
        Preferred { coding, accepts_identity: self.identity > 0 }
    }
}

/// The weights that a field states. A weight that is stated twice is the lower one.
///
/// A coding that one member refuses is then never sent.
#[derive(Default)]
struct Listed {
    codings: [Option<u16>; 3],
    identity: Option<u16>,
    any: Option<u16>,
}

impl Listed {
    fn add(&mut self, name: &[u8], weight: u16) {
        let is = |text: &str| name.eq_ignore_ascii_case(text.as_bytes());
        let place = if is("identity") {
            &mut self.identity
        } else if is("*") {
            &mut self.any
        // RFC 9110 §8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
        } else if is("gzip") || is("x-gzip") {
            &mut self.codings[ContentCoding::Gzip.index()]
        } else if is("br") {
            &mut self.codings[ContentCoding::Br.index()]
        } else if is("zstd") {
            &mut self.codings[ContentCoding::Zstd.index()]
        } else {
            return;
        };
        *place = Some(place.map_or(weight, |other| other.min(weight)));
    }

    /// Applies `*` to what is not listed.
    ///
    /// RFC 9110 §12.5.3: "If the representation has no content coding, then it is acceptable by
    /// default unless specifically excluded by the Accept-Encoding header field stating either
    /// "identity;q=0" or "*;q=0" without a more specific entry for "identity"."
    fn resolve(self) -> AcceptedCodings {
        let any = self.any;
        AcceptedCodings {
            codings: self.codings.map(|weight| weight.or(any).unwrap_or(0)),
            identity: self.identity.or(any).unwrap_or(LEAST),
        }
    }
}

/// Parses `codings [ weight ]`. A member that cannot be understood accepts nothing.
fn parse(member: &[u8]) -> Option<(&[u8], u16)> {
    let (name, weight) = match member.iter().position(|&byte| byte == b';') {
        Some(end) => (trim(&member[..end]), thousandths(trim(&member[end + 1..]))?),
        None => (member, 1000),
    };
    Some((name, weight * 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn preferred(lines: &[&str], offered: &[ContentCoding]) -> (Option<&'static str>, bool) {
        let lines: Vec<_> = lines.iter().map(|line| ("accept-encoding", *line)).collect();
        let Preferred { coding, accepts_identity } = AcceptedCodings::of(&fields(&lines)).prefer(offered);
        (coding.map(ContentCoding::as_str), accepts_identity)
    }

    /// RFC 9110 §12.5.3.
    #[test]
    fn a_request_gets_the_coding_that_it_prefers() {
        for (lines, expected) in [
            (&[][..], (None, true)),
            (&[""], (None, true)),
            (&["gzip"], (Some("gzip"), true)),
            (&["x-gzip"], (Some("gzip"), true)),
            (&["gzip, deflate, br, zstd"], (Some("br"), true)),
            (&["zstd, gzip"], (Some("zstd"), true)),
            (&["GZIP;q=1.0, Br;q=0.9"], (Some("gzip"), true)),
            (&["gzip", "br"], (Some("br"), true)),
            (&["br;q=0.5, gzip ; q=0.7"], (Some("gzip"), true)),
            (&["deflate"], (None, true)),
            (&["br;q=0"], (None, true)),
            // Not stated, `identity` is below every coding. Stated, it has a weight.
            (&["gzip;q=0.001"], (Some("gzip"), true)),
            (&["gzip;q=0.5, identity;q=0.7"], (None, true)),
            (&["gzip;q=0.7, identity;q=0.5"], (Some("gzip"), true)),
            (&["gzip, identity"], (Some("gzip"), true)),
            (&["identity"], (None, true)),
            (&["identity;q=1, *;q=0"], (None, true)),
            // Any coding.
            (&["*"], (Some("br"), true)),
            (&["*, br;q=0"], (Some("zstd"), true)),
            (&["*;q=0.5, gzip;q=0.6"], (Some("gzip"), true)),
            // No body without a coding.
            (&["gzip, identity;q=0"], (Some("gzip"), false)),
            (&["gzip, *;q=0"], (Some("gzip"), false)),
            (&["*;q=0"], (None, false)),
            (&["deflate, identity;q=0"], (None, false)),
            // A contradiction, and members that cannot be understood.
            (&["br;q=0, br, gzip"], (Some("gzip"), true)),
            (&["gzip, x-gzip;q=0"], (None, true)),
            (&["br;q=2, gzip"], (Some("gzip"), true)),
            (&["br;q=1;q=1, gzip;level=9"], (None, true)),
        ] {
            assert_eq!(preferred(lines, &ContentCoding::ALL), expected, "{lines:?}");
        }
    }

    #[test]
    fn only_what_is_offered_is_chosen_and_the_first_of_it_first() {
        use ContentCoding::{Br, Gzip, Zstd};
        for (offered, expected) in [
            (&[Gzip][..], Some("gzip")),
            (&[Gzip, Br], Some("gzip")),
            (&[Zstd, Br], Some("zstd")),
            (&[], None),
        ] {
            assert_eq!(preferred(&["br, zstd, gzip"], offered).0, expected, "{offered:?}");
        }
        assert_eq!(preferred(&["br"], &[Gzip]), (None, true));
        assert_eq!(preferred(&["br, identity;q=0"], &[Gzip]), (None, false));
    }
}
