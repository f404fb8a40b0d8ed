//! Targeted fields: cache directives for specific caches (RFC 9213).

use http::{HeaderMap, HeaderName};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::directive::Directive;
use super::response_directives::ResponseDirectives;

impl ResponseDirectives {
    /// Parses the directives for a cache with this target list (RFC 9213).
    ///
    /// The first field of `targets` with a valid, non-empty value applies. If there is none,
    /// `Cache-Control` applies.
    #[must_use]
    pub fn of(headers: &HeaderMap, targets: &[HeaderName]) -> Self {
        read(headers, targets).unwrap_or_else(|| Self::parse(headers))
    }
}

/// Parses the first field of the target list that has a valid, non-empty value.
///
/// RFC 9213 §2.2: a cache "MUST select the first (in target-list order) field with a valid,
/// non-empty value and use its value to determine the caching policy for the response, and it MUST
/// ignore the Cache-Control and Expires header fields in that response, unless no valid, non-empty
/// value is available from the listed header fields."
fn read(headers: &HeaderMap, targets: &[HeaderName]) -> Option<ResponseDirectives> {
    targets.iter().filter(|name| headers.contains_key(*name)).find_map(|name| {
        let members = dictionary(headers, name).filter(|members| !members.is_empty())?;
        let mut parsed = ResponseDirectives { targeted: true, ..ResponseDirectives::default() };
        for (name, value) in &members {
            take(&mut parsed, name.as_str(), value);
        }
        Some(parsed)
    })
}

/// Parses a targeted field, or returns `None` if it is invalid.
///
/// RFC 9213 §2.1: "If a targeted field in a given response is empty, or a parsing error is
/// encountered, that field MUST be ignored by the cache".
fn dictionary(headers: &HeaderMap, name: &HeaderName) -> Option<Dictionary> {
    // RFC 9651 §4.2: all lines of the field are one dictionary.
    let lines: Vec<_> = headers.get_all(name).iter().map(http::HeaderValue::as_bytes).collect();
    Parser::new(&lines.join(&b", "[..])).parse().ok()
}

/// Applies one member of a targeted field.
///
/// RFC 9213 §2.1: "cache directives that have no value will be mapped to a Boolean […]. When the
/// value is a quoted-string, it will be mapped to a String […], and when it is a token, it will map
/// to a Token […], an Integer […], or a Decimal", and "Implementations SHOULD NOT consume values
/// that violate these inferred constraints", such as `max-age="60"`. "Parameters received on cache
/// directives are to be ignored".
fn take(parsed: &mut ResponseDirectives, name: &str, value: &ListEntry) {
    let ListEntry::Item(item) = value else {
        return parsed.take(Directive::with_unusable(name));
    };
    match &item.bare_item {
        BareItem::Boolean(true) => parsed.take(Directive::bare(name)),
        // `?0` means that the directive does not apply.
        BareItem::Boolean(false) => {}
        BareItem::Integer(number) => parsed.take(Directive::with_number(name, &number.to_string())),
        BareItem::Token(text) => parsed.take(Directive::with_text(name, text.as_str())),
        BareItem::String(text) => parsed.take(Directive::with_text(name, text.as_str())),
        _ => parsed.take(Directive::with_unusable(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::{fields, secs};

    const TARGETS: [HeaderName; 2] =
        [HeaderName::from_static("larder-cache-control"), HeaderName::from_static("cdn-cache-control")];

    fn of(lines: &[(&'static str, &str)]) -> ResponseDirectives {
        ResponseDirectives::of(&fields(lines), &TARGETS)
    }

    /// RFC 9213 §2.1, §2.2, §3.1.
    #[test]
    fn the_first_valid_targeted_field_takes_the_place_of_cache_control() {
        let max_age = |seconds| Some(secs(seconds));
        for (lines, targeted, expected) in [
            (&[("cache-control", "max-age=1")][..], false, max_age(1)),
            (&[("cache-control", "max-age=1"), ("cdn-cache-control", "max-age=2")], true, max_age(2)),
            (&[("larder-cache-control", "max-age=3"), ("cdn-cache-control", "max-age=2")], true, max_age(3)),
            (&[("larder-cache-control", ""), ("cdn-cache-control", "max-age=2")], true, max_age(2)),
            (&[("larder-cache-control", "&"), ("cdn-cache-control", "max-age=2")], true, max_age(2)),
            (&[("cdn-cache-control", "max-age=2, &&&"), ("cache-control", "max-age=1")], false, max_age(1)),
            (&[("cdn-cache-control", "max-age =2"), ("cache-control", "max-age=1")], false, max_age(1)),
            (&[("cdn-cache-control", "Max-Age=2"), ("cache-control", "max-age=1")], false, max_age(1)),
            (&[("cdn-cache-control", "max-age"), ("cache-control", "max-age=1")], true, max_age(0)),
            (&[("cdn-cache-control", "max-age=\"2\""), ("cache-control", "max-age=1")], true, max_age(0)),
            (&[("cdn-cache-control", "max-age=2.5")], true, max_age(0)),
            (&[("cdn-cache-control", "max-age=-2")], true, max_age(0)),
            (&[("cdn-cache-control", "max-age=99999999999")], true, max_age(1 << 31)),
            (&[("cdn-cache-control", "max-age=2;foo=bar")], true, max_age(2)),
            // RFC 9651 §3.2: if several members have the same key, the last one applies.
            (&[("cdn-cache-control", "max-age=2"), ("cdn-cache-control", "max-age=4")], true, max_age(4)),
            // RFC 9213 §3.1: `none` is "not a registered cache directive; it is here to avoid
            // sending a header field with an empty value, which would be ignored".
            (&[("cdn-cache-control", "none"), ("cache-control", "no-store, max-age=1")], true, None),
            (&[("other-cache-control", "max-age=2"), ("cache-control", "max-age=1")], false, max_age(1)),
        ] {
            let found = of(lines);
            assert_eq!((found.targeted, found.max_age), (targeted, expected), "{lines:?}");
            assert!(!found.no_store, "{lines:?}");
        }
    }

    #[test]
    fn its_directives_are_those_of_cache_control() {
        use super::super::Qualified;

        let found = of(&[("cdn-cache-control", "no-store, private, must-revalidate, no-cache=\"x-a, x-b\"")]);
        let names = [HeaderName::from_static("x-a"), HeaderName::from_static("x-b")];
        let expected = ResponseDirectives {
            no_store: true,
            private: Qualified::Whole,
            must_revalidate: true,
            no_cache: Qualified::Fields(names.into()),
            targeted: true,
            ..ResponseDirectives::default()
        };
        assert_eq!(found, expected);
        // A restriction still applies if its argument is invalid. An inner list of strings is not a
        // valid list of field names.
        assert!(of(&[("cdn-cache-control", "no-store=7")]).no_store);
        assert_eq!(of(&[("cdn-cache-control", "private=(\"a\" \"b\")")]).private, Qualified::Whole);
        assert!(!of(&[("cdn-cache-control", "no-store=?0")]).no_store);
    }
}
