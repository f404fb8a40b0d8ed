//! The key and the names of an explained request.

use serde::Serialize;

/// The key of a request, with each of its parts.
///
/// Values that are or may be credentials are replaced by a short digest, as in
/// [`StoredInfo`](crate::inspect::StoredInfo). Credentials of the request are left out of its other
/// parts too, such as the text of a template. These are its cookies, `Authorization`, and the
/// fields of [`CacheBuilder::credentials`](crate::CacheBuilder::credentials).
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
/// [`StoredInfo::tags`](crate::inspect::StoredInfo::tags).
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
