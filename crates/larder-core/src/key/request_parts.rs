//! The request that an encoded key was made from, if the key has all of it.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};

use super::escape;
use super::redact::is_shown_field;

/// The parts of a request that fills the response under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // A request has no other parts that a key knows.
pub struct RequestParts<'a> {
    /// The form of the target. [`buf`](super::buf) calls it the scheme.
    pub scheme: Cow<'a, str>,
    /// The host and port. Empty if the key has none.
    pub authority: Cow<'a, str>,
    /// The path as it was sent.
    pub path: Cow<'a, str>,
    /// The part of the query that is in the key.
    pub query: Option<Cow<'a, str>>,
    /// The lines of the header fields that are in the key.
    pub fields: Vec<(HeaderName, HeaderValue)>,
}

/// Returns the request that a key was made from.
///
/// Returns `None` if the key does not have it: if it is made from a template or a function, or with
/// a cookie, a partition or a header field that may be a credential.
///
/// # Examples
///
/// ```
/// use larder_core::key::request_parts::request_parts;
///
/// let parts = request_parts("u|http|shop.example|/a^20b|?page=1").unwrap();
/// assert_eq!((&*parts.path, parts.query.as_deref()), ("/a b", Some("page=1")));
/// assert_eq!(request_parts("k|user:42"), None);
/// assert_eq!(request_parts("u|http|shop.example|/a|p|user7"), None);
/// ```
#[must_use]
pub fn request_parts(key: &str) -> Option<RequestParts<'_>> {
    let mut parts = key.split('|').peekable();
    if parts.next()? != "u" {
        return None;
    }
    let (scheme, authority, path) =
        (escape::undo(parts.next()?)?, escape::undo(parts.next()?)?, escape::undo(parts.next()?)?);
    let query = match parts.next_if(|part| part.starts_with('?')) {
        Some(query) => Some(escape::undo(&query[1..])?),
        None => None,
    };
    // A canonical query is one of the equivalent queries.
    if parts.next_if_eq(&"n").is_some() {
        parts.next()?;
    }
    let mut fields = Vec::new();
    while let Some(part) = parts.next() {
        if part != "h" {
            return None;
        }
        // Without `=`, the request did not have the field.
        let Some((name, line)) = parts.next()?.split_once('=') else { continue };
        let name =
            HeaderName::from_bytes(name.as_bytes()).ok().filter(|name| is_shown_field(name.as_str()))?;
        fields.push((name.clone(), field_line(line)?));
        while let Some(line) = parts.next_if(|part| part.starts_with('=')) {
            fields.push((name.clone(), field_line(&line[1..])?));
        }
    }
    Some(RequestParts { scheme, authority, path, query, fields })
}

/// Returns a line of a field. A line that is no text is not sent again.
fn field_line(escaped: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&escape::undo(escaped)?).ok()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, header};

    use super::*;
    use crate::key::buf::KeyBuf;
    use crate::key::query::QueryRules;

    #[test]
    fn a_key_has_the_request_that_it_was_made_from() {
        let mut headers = HeaderMap::new();
        headers.append(header::ACCEPT, HeaderValue::from_static("a|b, c"));
        headers.append(header::ACCEPT, HeaderValue::from_static(""));
        let mut key = KeyBuf::new();
        key.uri("https", "shop.example:81", "/a|{b}/é");
        key.query(&QueryRules::all(), Some("x=1|2&y="));
        key.header(&header::ACCEPT, &headers);
        key.header(&header::ACCEPT_LANGUAGE, &headers);
        let parts = request_parts(key.as_str().unwrap()).unwrap();
        let expected = RequestParts {
            scheme: "https".into(),
            authority: "shop.example:81".into(),
            path: "/a|{b}/é".into(),
            query: Some("x=1|2&y=".into()),
            fields: headers
                .get_all(header::ACCEPT)
                .iter()
                .map(|line| (header::ACCEPT, line.clone()))
                .collect(),
        };
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_key_that_lacks_a_part_of_its_request_has_none() {
        let cases = [
            ("u|http|h|/", true),
            ("u|http||/|?", true),
            ("u|http:|h|/|?b=1|n|-utm", true),
            ("u|http|h|/|h|accept", true),
            ("u|http|h|/|h|accept|h|accept-language=en", true),
            ("u|http|h|/|h|x-tenant", true),
            ("u|http|h|/|h|x-tenant=acme", false),
            ("u|http|h|/|h|authorization=x", false),
            ("u|http|h|/|c|sid", false),
            ("u|http|h|/|p|7", false),
            ("u|http|h|/|n", false),
            ("u|http|h|/|x|y", false),
            ("u|http|h|/^", false),
            ("u|http|h|/|h|accept=^0A", false),
            ("u|http|h|/|h|accept=^FF", false),
            ("u|http|h", false),
            ("k|user:42", false),
            ("v|product|42", false),
            ("", false),
        ];
        for (key, has_parts) in cases {
            assert_eq!(request_parts(key).is_some(), has_parts, "{key}");
        }
    }
}
