//! Names that a response gives itself in its fields, such as cache groups (RFC 9875).
//!
//! Other caches call such names surrogate keys or cache tags.

use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, List, ListEntry, Parser};

use super::list::{members, trim};
use crate::log::selector::Tag;

/// The field that names the groups of a response (RFC 9875 §2).
pub const CACHE_GROUPS: HeaderName = HeaderName::from_static("cache-groups");

/// The field that names the groups to invalidate after an unsafe request (RFC 9875 §3).
pub const CACHE_GROUP_INVALIDATION: HeaderName = HeaderName::from_static("cache-group-invalidation");

/// Returns the groups in the field `name`, as tags of this origin.
///
/// `origin` has no scheme, as in `//shop.example`, because a server does not always know the
/// scheme.
///
/// RFC 9875 §2.1: two responses have the same group if both name "the same String […], when
/// compared character-by-character", and "both share the same URI origin". RFC 9651 §1.1: a field
/// that cannot be parsed is ignored as a whole, so it names no groups. A member that is not a
/// string is not a group.
#[must_use]
pub fn groups(headers: &HeaderMap, name: &HeaderName, origin: &str) -> Vec<Tag> {
    let lines: Vec<_> = headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
    if lines.is_empty() {
        return Vec::new();
    }
    let list: List = Parser::new(&lines.join(&b", "[..])).parse().unwrap_or_default();
    list.iter().filter_map(|member| Some(group(origin, text(member)?))).collect()
}

fn text(member: &ListEntry) -> Option<&str> {
    match member {
        ListEntry::Item(item) => match &item.bare_item {
            BareItem::String(text) => Some(text.as_str()),
            _ => None,
        },
        ListEntry::InnerList(_) => None,
    }
}

/// Builds the tag of a group.
///
/// An origin contains no space, so two groups never share a tag.
fn group(origin: &str, name: &str) -> Tag {
    Tag::new(format!("{origin} {name}"))
}

/// Returns the tags that a field lists.
///
/// `Surrogate-Key` and `xkey` are split at white space. `Cache-Tag` and all other fields are split
/// at commas. A tag that is not valid UTF-8 is skipped.
#[must_use]
pub fn tags(headers: &HeaderMap, name: &HeaderName) -> Vec<Tag> {
    let by_space = ["surrogate-key", "xkey"].contains(&name.as_str());
    let lines = headers.get_all(name).iter().map(HeaderValue::as_bytes);
    let listed: Vec<&[u8]> = if by_space {
        lines.flat_map(|line| line.split(|byte| matches!(byte, b' ' | b'\t'))).collect()
    } else {
        lines.flat_map(members).collect()
    };
    listed
        .into_iter()
        .map(trim)
        .filter(|tag| !tag.is_empty())
        .filter_map(|tag| std::str::from_utf8(tag).ok())
        .map(Tag::new)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn texts(tags: &[Tag]) -> Vec<&str> {
        tags.iter().map(Tag::as_str).collect()
    }

    /// RFC 9875 §2, §2.1.
    #[test]
    fn groups_are_strings_of_an_origin() {
        for (lines, expected) in [
            (&[][..], &[][..]),
            (&[r#""scripts""#], &["//a scripts"]),
            (
                &[r#""ExampleJS";revalidate, "scripts""#, r#""more""#],
                &["//a ExampleJS", "//a scripts", "//a more"],
            ),
            (&[r#""a b", "a,b", """#], &["//a a b", "//a a,b", "//a "]),
            // A member that is not a string is not a group. A field that cannot be parsed is
            // ignored.
            (&[r#"scripts, "b""#], &["//a b"]),
            (&[r#"("b"), 7, "c""#], &["//a c"]),
            (&[r#""a", "b"#], &[]),
            (&["&"], &[]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| ("cache-groups", *line)).collect();
            assert_eq!(texts(&groups(&fields(&lines), &CACHE_GROUPS, "//a")), expected, "{lines:?}");
        }
    }

    /// RFC 9875 §2 requires support for many groups in one field.
    ///
    /// "Implementations MUST support at least 32 groups in a field value, with up to at least 32
    /// characters in each member".
    #[test]
    fn there_may_be_many_groups_with_long_names() {
        let list: Vec<_> = (0..1000).map(|number| format!("\"{number:0100}\"")).collect();
        let headers = fields(&[("cache-groups", &list.join(", "))]);
        assert_eq!(groups(&headers, &CACHE_GROUPS, "//a").len(), 1000);
    }

    #[test]
    fn tags_are_listed_by_commas_or_by_white_space_as_the_field_has_it() {
        for (name, lines, expected) in [
            ("cache-tag", &["a,b , c d,,", "e"][..], &["a", "b", "c d", "e"][..]),
            ("surrogate-key", &["a b\tc,d  e", "f"], &["a", "b", "c,d", "e", "f"]),
            ("xkey", &["a b"], &["a", "b"]),
            ("cache-tag", &[""], &[]),
        ] {
            let lines: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
            assert_eq!(texts(&tags(&fields(&lines), &HeaderName::from_static(name))), expected, "{lines:?}");
        }
        let mut headers = HeaderMap::new();
        let name = HeaderName::from_static("cache-tag");
        headers.insert(&name, HeaderValue::from_bytes(b"a,\xff,b").unwrap());
        assert_eq!(texts(&tags(&headers, &name)), ["a", "b"]);
    }
}
