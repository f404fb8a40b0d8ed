//! The key and the names of an explained request.

use serde::Serialize;

/// The key of a request, with each of its parts.
///
/// Credentials are not in it: `<12 bytes #1a2b3c4d>` stands for the value of a cookie, of
/// `Authorization` and of the fields of
/// [`CacheBuilder::credentials`](crate::CacheBuilder::credentials). The number is the same for the
/// same value, as long as the process lives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExplainedKey {
    /// The encoded key.
    pub text: String,
    /// The parts of the key, in their order.
    pub parts: Vec<KeyPart>,
    /// The key under which the request is looked up, if that is another one.
    ///
    /// Responses with `No-Vary-Search` are stored under a key that equivalent queries share.
    pub looked_up: Option<String>,
}

/// A part of a key, and its source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeyPart {
    /// The source: `scheme`, `host`, `path`, `query`, `header` and its name, `cookie` and its name,
    /// `user`, `partition`, `template` or `function`.
    ///
    /// The scheme is `http:`, with a colon, for a request that a client sent with its whole URI.
    pub source: String,
    /// The text of the part, encoded as it stands in the key.
    pub text: String,
}

/// The names by which the response to a request can be invalidated.
///
/// The tags that a handler gives are known once it has run: see
/// [`StoredEntry::tags`](crate::explain::StoredEntry::tags).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExplainedNames {
    /// The tags of the policy.
    pub tags: Vec<String>,
    /// The keys: the text of a template, and the whole key.
    pub keys: Vec<String>,
    /// The URIs, on every host and on the host of the request.
    pub uris: Vec<String>,
    /// The path prefixes.
    pub prefixes: Vec<String>,
}
