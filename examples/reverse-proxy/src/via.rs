//! The `Via` field: the proxies that a message passed (RFC 9110 §7.6.3).

use std::fmt;
use std::str::FromStr;

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};

/// How often a request may pass proxies of this name. More is a loop: the origin leads back here.
///
/// RFC 9110 §7.6: "An intermediary MUST NOT forward a message to itself unless it is protected from
/// an infinite request loop." A chain of several such proxies may be intended.
const MAX_PASSES: usize = 4;

/// The name of a proxy in `Via`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ViaName(Box<str>);

/// The error of a text that is not a valid pseudonym.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ParseViaNameError;

impl ViaName {
    /// Appends the name after those of earlier proxies, with the version in which the message
    /// arrived.
    ///
    /// "A proxy MUST send an appropriate Via header field … in each message that it forwards."
    pub(crate) fn append(&self, fields: &mut HeaderMap, received: Version) {
        let version = match received {
            Version::HTTP_10 => "1.0",
            _ => "1.1",
        };
        // A token is always a valid field value.
        if let Ok(value) = HeaderValue::try_from(format!("{version} {}", self.0)) {
            fields.append(VIA, value);
        }
    }

    /// Whether a request passed proxies of this name too often.
    pub(crate) fn is_looping(&self, fields: &HeaderMap) -> bool {
        let lines = fields.get_all(VIA).iter().filter_map(|line| line.to_str().ok());
        let by = lines.flat_map(|line| line.split(',')).filter_map(|hop| hop.split_whitespace().nth(1));
        by.filter(|by| by.eq_ignore_ascii_case(&self.0)).count() > MAX_PASSES
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ViaName {
    type Err = ParseViaNameError;

    /// `pseudonym = token`
    fn from_str(name: &str) -> Result<Self, ParseViaNameError> {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_token) {
            Err(ParseViaNameError)
        } else {
            Ok(Self(name.into()))
        }
    }
}

impl fmt::Display for ViaName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for ParseViaNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name in Via is one word of letters, digits and signs like - or .")
    }
}

impl std::error::Error for ParseViaNameError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn larder() -> ViaName {
        "larder".parse().unwrap()
    }

    #[test]
    fn the_name_comes_last_with_the_version_that_was_received() {
        let cases: [(&[&str], Version, &[&str]); 3] = [
            (&[], Version::HTTP_11, &["1.1 larder"]),
            (&[], Version::HTTP_10, &["1.0 larder"]),
            (
                &["1.0 fred, 1.1 p.example.net"],
                Version::HTTP_11,
                &["1.0 fred, 1.1 p.example.net", "1.1 larder"],
            ),
        ];
        for (received, version, forwarded) in cases {
            let mut fields = HeaderMap::new();
            for line in received {
                fields.append(VIA, line.parse().unwrap());
            }
            larder().append(&mut fields, version);
            let lines: Vec<_> = fields.get_all(VIA).iter().collect();
            assert_eq!(lines, forwarded);
        }
    }

    #[test]
    fn a_loop_is_seen_by_the_name_alone() {
        let cases = [
            ("1.1 larder".to_owned(), false),
            (["1.1 larder"; 4].join(", "), false),
            (["1.1 larder"; 5].join(", "), true),
            (["HTTP/1.1 Larder (a comment)"; 5].join(" ,"), true),
            (["1.1 larder2"; 9].join(", "), false),
            (["1.1 other (larder)"; 9].join(", "), false),
            (String::new(), false),
        ];
        for (via, looping) in cases {
            let fields = HeaderMap::from_iter([(VIA, via.parse().unwrap())]);
            assert_eq!(larder().is_looping(&fields), looping, "{via}");
        }
    }

    #[test]
    fn a_name_is_a_token() {
        for name in ["", "a b", "a,b", "a/b", "ä", "a:1"] {
            assert_eq!(name.parse::<ViaName>(), Err(ParseViaNameError), "{name}");
        }
        assert_eq!("edge-1.example".parse::<ViaName>().unwrap().as_str(), "edge-1.example");
    }
}
