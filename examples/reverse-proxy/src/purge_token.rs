//! The token of clients that may purge.

use std::fmt;

use http::HeaderValue;
use subtle::ConstantTimeEq as _;

/// The minimum length of a token. A shorter one could be guessed.
const MIN_LEN: usize = 16;

/// The secret that a client has to send to purge, as in `Authorization: Bearer <token>` (RFC 6750).
#[derive(Clone)]
pub struct PurgeToken(Box<str>);

impl PurgeToken {
    /// Whether a client can send this token, and none can guess it.
    ///
    /// RFC 6750 §2.1: `b64token = 1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
    pub(crate) fn is_valid(&self) -> bool {
        let text = self.0.trim_end_matches('=');
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
        self.0.len() >= MIN_LEN && !text.is_empty() && text.bytes().all(is_allowed)
    }

    /// Whether `Authorization` has this token. How long this takes says nothing about its text.
    pub(crate) fn is_in(&self, authorization: &HeaderValue) -> bool {
        // RFC 9110 §11.1: the name of a scheme is compared without regard to case.
        let bytes = authorization.as_bytes();
        let Some((scheme, token)) = bytes.split_at_checked("Bearer ".len()) else { return false };
        scheme.eq_ignore_ascii_case(b"Bearer ") && bool::from(token.trim_ascii().ct_eq(self.0.as_bytes()))
    }
}

impl From<String> for PurgeToken {
    /// Takes the token from the command line. [`Proxy::open`](crate::Proxy::open) checks it, as an
    /// error of the command line would repeat the text.
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for PurgeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PurgeToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_long_and_has_no_blanks() {
        for (text, is_valid) in [
            ("0123456789abcdef", true),
            ("AZaz09-._~+/123==", true),
            ("0123456789abcde", false),
            ("================", false),
            ("0123456789 abcdef", false),
            ("0123456789abcdef,", false),
            ("=0123456789abcdef", false),
            ("0123456789abcdéf", false),
            ("", false),
        ] {
            assert_eq!(PurgeToken::from(text.to_owned()).is_valid(), is_valid, "{text}");
        }
    }

    #[test]
    fn only_the_whole_token_is_accepted() {
        let token = PurgeToken::from("0123456789abcdef".to_owned());
        for (sent, is_accepted) in [
            ("Bearer 0123456789abcdef", true),
            ("bearer  0123456789abcdef", true),
            ("Bearer 0123456789abcde", false),
            ("Bearer 0123456789abcdefg", false),
            ("Bearer 0123456789abcdeF", false),
            ("Bearer ", false),
            ("Bearer", false),
            ("Basic 0123456789abcdef", false),
            ("0123456789abcdef", false),
            ("", false),
        ] {
            assert_eq!(token.is_in(&HeaderValue::from_static(sent)), is_accepted, "{sent}");
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        assert!(!format!("{:?}", PurgeToken::from("secret".to_owned())).contains("secret"));
    }
}
