//! The tokens, compared in constant time.

use std::fmt;
use std::sync::Arc;

use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use crate::access::open_feeds::OpenFeeds;
use crate::access::rate_limit::RateLimit;
use crate::access::role::Role;

/// The fewest bytes of a token. A random token of 16 bytes cannot be guessed.
const MIN_LENGTH: usize = 16;
const MAX_LENGTH: usize = 512;
/// The most tokens of one router. Each request is compared with all of them.
const MAX_TOKENS: usize = 64;
const MAX_NAME: usize = 64;
/// Requests with one token that a router answers in a second.
const REQUESTS_PER_SECOND: u32 = 50;

/// The client that a token belongs to.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// Its name, for logs.
    pub(crate) name: Arc<str>,
    pub(crate) role: Role,
    /// Its requests. A client with many of them does not stop the others.
    pub(crate) requests: Arc<RateLimit>,
    /// Its live feeds.
    pub(crate) feeds: Arc<OpenFeeds>,
}

impl Client {
    fn new(name: &str, role: Role) -> Self {
        let requests = Arc::new(RateLimit::per_second(REQUESTS_PER_SECOND));
        Self { name: name.into(), role, requests, feeds: Arc::default() }
    }
}

/// The tokens of a router.
#[derive(Clone, Default)]
pub(crate) struct Tokens(Vec<(Arc<[u8]>, Client)>);

impl Tokens {
    pub(crate) fn add(&mut self, name: &str, role: Role, token: &str) -> Result<(), TokenError> {
        let kind = if !(MIN_LENGTH..=MAX_LENGTH).contains(&token.len()) {
            TokenErrorKind::Length
        } else if !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            TokenErrorKind::Characters
        } else if name.is_empty() || name.len() > MAX_NAME || name.chars().any(char::is_control) {
            TokenErrorKind::Name
        } else if self.0.len() >= MAX_TOKENS {
            TokenErrorKind::TooMany
        } else if self.find(token.as_bytes()).is_some() {
            TokenErrorKind::Duplicate
        } else {
            self.0.push((token.as_bytes().into(), Client::new(name, role)));
            return Ok(());
        };
        Err(TokenError { kind })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the client with this token.
    ///
    /// The time depends on the length of the token alone. It compares all tokens, and does not stop
    /// at the first one that differs.
    pub(crate) fn find(&self, token: &[u8]) -> Option<&Client> {
        let mut found = u64::MAX;
        for (index, (known, _)) in (0_u64..).zip(&self.0) {
            let is_equal: Choice = known.ct_eq(token);
            found.conditional_assign(&index, is_equal);
        }
        self.0.get(usize::try_from(found).ok()?).map(|(_, client)| client)
    }
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(_, client)| client)).finish()
    }
}

/// The error of a token that a router does not accept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenError {
    kind: TokenErrorKind,
}

/// The kind of a [`TokenError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TokenErrorKind {
    /// The token has fewer than 16 or more than 512 bytes.
    Length,
    /// The token has a character that is not visible ASCII.
    Characters,
    /// The name is empty, longer than 64 bytes, or has a control character.
    Name,
    /// The router has this token already.
    Duplicate,
    /// The router has 64 tokens already.
    TooMany,
    /// The router has no token.
    Missing,
}

impl TokenError {
    pub(crate) const MISSING: Self = Self { kind: TokenErrorKind::Missing };

    /// Returns the kind of the error.
    #[must_use]
    pub const fn kind(&self) -> TokenErrorKind {
        self.kind
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.kind {
            TokenErrorKind::Length => "it must have 16 to 512 bytes",
            TokenErrorKind::Characters => "it must consist of visible ASCII characters",
            TokenErrorKind::Name => "its name must have 1 to 64 bytes, without control characters",
            TokenErrorKind::Duplicate => "it belongs to another client of this router",
            TokenErrorKind::TooMany => "a router has at most 64 tokens",
            TokenErrorKind::Missing => "a router needs a token",
        };
        write!(f, "invalid token: {problem}")
    }
}

impl std::error::Error for TokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    #[test]
    fn a_token_is_long_and_visible_and_of_one_client() {
        let mut tokens = Tokens::default();
        tokens.add("one", Role::Purge, TOKEN).unwrap();
        let long = "x".repeat(MAX_LENGTH + 1);
        for (name, token, expected) in [
            ("two", "", TokenErrorKind::Length),
            ("two", &TOKEN[1..], TokenErrorKind::Length),
            ("two", &long, TokenErrorKind::Length),
            ("two", "0123456789 abcdef", TokenErrorKind::Characters),
            ("two", "0123456789abcdefé", TokenErrorKind::Characters),
            ("", "0123456789abcdeg", TokenErrorKind::Name),
            ("a\nb", "0123456789abcdeg", TokenErrorKind::Name),
            ("two", TOKEN, TokenErrorKind::Duplicate),
        ] {
            assert_eq!(
                tokens.add(name, Role::Read, token).unwrap_err().kind(),
                expected,
                "{name:?} {token:?}"
            );
        }
        for number in 1..MAX_TOKENS {
            tokens.add("many", Role::Read, &format!("{TOKEN}{number}")).unwrap();
        }
        let kind = tokens.add("last", Role::Read, "0123456789abcdeg").unwrap_err().kind();
        assert_eq!(kind, TokenErrorKind::TooMany);
    }

    #[test]
    fn a_client_is_found_by_its_whole_token() {
        let mut tokens = Tokens::default();
        tokens.add("one", Role::Read, TOKEN).unwrap();
        tokens.add("two", Role::Purge, "fedcba9876543210").unwrap();
        let name = |token: &str| tokens.find(token.as_bytes()).map(|client| &*client.name);
        assert_eq!(name(TOKEN), Some("one"));
        assert_eq!(name("fedcba9876543210"), Some("two"));
        for wrong in ["", "0123456789abcde", "0123456789abcdeF", "0123456789abcdef0"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
        assert!(!format!("{tokens:?}").contains(TOKEN));
    }
}
