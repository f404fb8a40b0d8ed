//! The tags of responses and of purges.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use larder::Tag;
use larder_core::http::groups;

use crate::proxy_error::ProxyError;

/// The maximum number of tags of a response or of a purge.
const MAX_TAGS: usize = 1000;
/// The maximum length of a tag, in bytes.
const MAX_TAG_LEN: usize = 1024;

/// The tag of responses whose other tags are not all used.
///
/// Each purge by tags reaches these responses too. Otherwise a purge by a tag that was left out
/// would miss them.
const LEFT_OUT: &str = "larder-tags-left-out";

/// The fields that other caches read tags from.
const WELL_KNOWN: [HeaderName; 3] = [
    HeaderName::from_static("surrogate-key"),
    HeaderName::from_static("cache-tag"),
    HeaderName::from_static("xkey"),
];

/// The fields that list tags, in responses of the origin and in requests to purge.
#[derive(Debug, Clone)]
pub(crate) struct TagFields(Arc<[HeaderName]>);

impl TagFields {
    pub(crate) fn new(names: &[HeaderName]) -> Self {
        Self(names.into())
    }

    pub(crate) fn names(&self) -> &[HeaderName] {
        &self.0
    }

    /// Leaves out tags of a response that are too long, too many or not UTF-8.
    ///
    /// The response then has the tag [`LEFT_OUT`] as well.
    pub(crate) fn limit(&self, response: &mut HeaderMap) {
        let listed = self.listed(response);
        let is_complete = listed.iter().all(|(_, tag)| is_valid(tag)) && listed.len() <= MAX_TAGS;
        if is_complete && self.is_utf8(response) {
            return;
        }
        tracing::warn!(tags = listed.len(), "a response has tags that are too long, too many or not UTF-8");
        let kept: Vec<_> = listed.into_iter().filter(|(_, tag)| is_valid(tag)).take(MAX_TAGS).collect();
        for name in self.names() {
            let tags = kept.iter().filter(|(of, _)| *of == name).map(|(_, tag)| tag.as_str());
            let tags: Vec<&str> = tags.chain([LEFT_OUT]).collect();
            // The text of a tag comes from a field value.
            if let Ok(line) = HeaderValue::try_from(tags.join(separator(name))) {
                response.insert(name, line);
            }
        }
    }

    /// Returns the tags that a request to purge names. Without a field for tags, it names its URI.
    ///
    /// # Errors
    ///
    /// Fails if not all of them can be purged, because a client relies on a purge that succeeded.
    pub(crate) fn of_purge(&self, request: &HeaderMap) -> Result<Vec<Tag>, ProxyError> {
        let unknown = |name: &HeaderName| request.contains_key(name) && !self.names().contains(name);
        if WELL_KNOWN.iter().any(unknown) {
            return Err(ProxyError::BadRequest("the proxy reads no tags from this field: see --tags-from"));
        }
        if !self.names().iter().any(|name| request.contains_key(name)) {
            return Ok(Vec::new());
        }
        let listed: Vec<Tag> = self.listed(request).into_iter().map(|(_, tag)| tag).collect();
        if listed.is_empty() {
            return Err(ProxyError::BadRequest("there are no tags to purge"));
        }
        if listed.len() > MAX_TAGS {
            return Err(ProxyError::BadRequest("a purge names at most 1,000 tags"));
        }
        if !listed.iter().all(is_valid) || !self.is_utf8(request) {
            return Err(ProxyError::BadRequest("a tag is in UTF-8 and has at most 1,024 bytes"));
        }
        Ok(listed.into_iter().chain([Tag::new(LEFT_OUT)]).collect())
    }

    fn listed(&self, fields: &HeaderMap) -> Vec<(&HeaderName, Tag)> {
        let tags = |name| groups::tags(fields, name).into_iter().map(move |tag| (name, tag));
        self.names().iter().flat_map(tags).collect()
    }

    fn is_utf8(&self, fields: &HeaderMap) -> bool {
        let mut lines = self.names().iter().flat_map(|name| fields.get_all(name));
        lines.all(|line| std::str::from_utf8(line.as_bytes()).is_ok())
    }
}

/// Returns what separates the tags in a field: spaces in the fields of Fastly and Varnish.
fn separator(name: &HeaderName) -> &'static str {
    if ["surrogate-key", "xkey"].contains(&name.as_str()) { " " } else { ", " }
}

fn is_valid(tag: &Tag) -> bool {
    tag.as_str().len() <= MAX_TAG_LEN
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> TagFields {
        TagFields::new(&["surrogate-key", "cache-tag"].map(HeaderName::from_static))
    }

    fn map(lines: &[(&'static str, &[u8])]) -> HeaderMap {
        let line = |&(name, value): &(&'static str, &[u8])| {
            (HeaderName::from_static(name), HeaderValue::from_bytes(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    fn texts(tags: impl IntoIterator<Item = Tag>) -> Vec<String> {
        tags.into_iter().map(|tag| tag.as_str().to_owned()).collect()
    }

    #[test]
    fn tags_beyond_the_limits_are_left_out_and_the_response_can_still_be_purged() {
        let many = |number: usize| (0..number).map(|tag| format!("t{tag}")).collect::<Vec<_>>().join(" ");
        let (most, too_many) = (many(MAX_TAGS), many(MAX_TAGS + 1));
        let longest = "a".repeat(MAX_TAG_LEN);
        let cases: [(&[u8], &[u8], usize, bool); 7] = [
            (b"a b", b"c d,e", 4, false),
            (b"", b"", 0, false),
            (most.as_bytes(), b"", MAX_TAGS, false),
            (longest.as_bytes(), b"", 1, false),
            (too_many.as_bytes(), b"", MAX_TAGS, true),
            (most.as_bytes(), b"one more", MAX_TAGS, true),
            (b"a \xff", b"c d", 2, true),
        ];
        for (surrogate_key, cache_tag, kept, left_out) in cases {
            let mut response = map(&[("surrogate-key", surrogate_key), ("cache-tag", cache_tag)]);
            let before = response.clone();
            fields().limit(&mut response);
            let tags = texts(fields().listed(&response).into_iter().map(|(_, tag)| tag));
            assert_eq!(tags.iter().filter(|tag| *tag != LEFT_OUT).count(), kept);
            assert_eq!(tags.iter().any(|tag| tag == LEFT_OUT), left_out, "{kept}");
            assert_eq!(response == before, !left_out, "{kept}");
            assert!(fields().is_utf8(&response));
        }
        let too_long = format!("a {longest}a b");
        let mut response = map(&[("surrogate-key", too_long.as_bytes())]);
        fields().limit(&mut response);
        assert_eq!(response["surrogate-key"], "a b larder-tags-left-out");
    }

    #[test]
    fn a_purge_names_tags_that_can_all_be_purged() {
        let longest = "a".repeat(MAX_TAG_LEN);
        let (too_long, too_many) = (format!("{longest}a"), "a ".repeat(MAX_TAGS + 1));
        for (lines, expected) in [
            (&[][..], Ok("")),
            (&[("x-other", &b"a"[..])], Ok("")),
            (&[("surrogate-key", b"a b"), ("cache-tag", b"c d, e")], Ok("a b c d e larder-tags-left-out")),
            (&[("surrogate-key", longest.as_bytes())], Ok(&format!("{longest} {LEFT_OUT}"))),
            (&[("surrogate-key", b" ")], Err("no tags")),
            (&[("xkey", b"a")], Err("--tags-from")),
            (&[("surrogate-key", b"a"), ("xkey", b"a")], Err("--tags-from")),
            (&[("surrogate-key", too_long.as_bytes())], Err("1,024 bytes")),
            (&[("surrogate-key", b"a \xff")], Err("UTF-8")),
            (&[("surrogate-key", too_many.as_bytes())], Err("1,000 tags")),
        ] {
            match (fields().of_purge(&map(lines)), expected) {
                (Ok(tags), Ok(expected)) => assert_eq!(texts(tags).join(" "), expected),
                (Err(ProxyError::BadRequest(why)), Err(expected)) => assert!(why.contains(expected), "{why}"),
                (tags, _) => panic!("{lines:?}: {tags:?}"),
            }
        }
    }
}
