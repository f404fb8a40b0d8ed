//! `No-Vary-Search`: the differences between queries that don't matter to a response.
//!
//! The specification is draft-ietf-httpbis-no-vary-search-10, which is approved and waits for its
//! RFC number. Section numbers here are those of that draft.
//!
//! In earlier drafts, and in texts based on them, `params` could also be a boolean, and `except`
//! could stand beside it. By the approved draft, such a field is invalid and is ignored (§5.1,
//! §5.2.1).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use form_urlencoded::{byte_serialize, parse};
use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

use crate::key::percent_decoded;

/// The name of the field (§3).
pub const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// The maximum length of a field, in bytes.
///
/// The key of each stored response contains the meaning of the field, so the length is limited. A
/// longer field is ignored, which only costs hits.
const MAX_FIELD_LEN: usize = 1024;

/// The maximum length of the text form of a field, in bytes.
///
/// Each byte of a name takes at most three characters, so the text is at most three times as long
/// as the field.
const MAX_TEXT_LEN: usize = 3 * MAX_FIELD_LEN;

/// The empty parameter name in the text form. No other encoded name contains this character.
const EMPTY: &str = "=";

/// A URL variation config (§4) other than the default one.
///
/// It says which parameters matter, and whether their order matters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UrlVariation {
    listed: Listed,
    /// The names in decoded form, sorted and without duplicates.
    names: Box<[Box<str>]>,
    by_key_order: bool,
    text: Box<str>,
}

/// The role of the listed names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Listed {
    /// The parameters that don't matter: `params`.
    NoVary,
    /// The only parameters that matter: `except`.
    Vary,
}

impl UrlVariation {
    /// Parses the field of a response (§5.2). Returns `None` for the default config.
    ///
    /// With the default config, every difference matters.
    #[must_use]
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let lines: Vec<_> = response.get_all(NO_VARY_SEARCH).iter().map(HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return None;
        }
        // RFC 9651 §4.2: all lines are one dictionary.
        let value = lines.join(&b", "[..]);
        if value.len() > MAX_FIELD_LEN {
            return None;
        }
        Self::parse(&Parser::new(&value).parse().ok()?)
    }

    /// Parses the dictionary of the field (§5.1).
    ///
    /// The "parameters" of the structured field are ignored. Members with an unknown key are
    /// ignored too.
    fn parse(value: &Dictionary) -> Option<Self> {
        let by_key_order = match value.get("key-order") {
            None => true,
            Some(ListEntry::Item(item)) => !item.bare_item.as_boolean()?,
            Some(ListEntry::InnerList(_)) => return None,
        };
        let (listed, names) = match (value.get("params"), value.get("except")) {
            // "If both value["params"] and value["except"] exist, then return the default URL
            // variation config."
            (Some(_), Some(_)) => return None,
            (None, None) => (Listed::NoVary, Vec::new()),
            (Some(params), None) => (Listed::NoVary, names(params)?),
            (None, Some(except)) => (Listed::Vary, names(except)?),
        };
        Self::new(listed, names, by_key_order)
    }

    fn new(listed: Listed, mut names: Vec<Box<str>>, by_key_order: bool) -> Option<Self> {
        let is_default = listed == Listed::NoVary && names.is_empty() && by_key_order;
        names.sort_unstable();
        names.dedup();
        let text = text(listed, &names, by_key_order);
        (!is_default).then(|| Self { listed, names: names.into(), by_key_order, text })
    }

    /// Returns the canonical form of a query, or `None` if it has no parameter that matters.
    ///
    /// All equivalent queries have the same canonical form, and no other query has it (§6). It
    /// contains the parameters that matter, decoded and encoded again. If their order doesn't
    /// matter, they are sorted by name.
    ///
    /// Two URIs that differ only in their queries are "equivalent modulo variation config" if and
    /// only if these forms are the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use larder_core::http::no_vary_search::{NO_VARY_SEARCH, UrlVariation};
    ///
    /// let field = HeaderValue::from_static(r#"key-order, params=("utm_source")"#);
    /// let response = HeaderMap::from_iter([(NO_VARY_SEARCH, field)]);
    /// let variation = UrlVariation::of(&response).unwrap();
    /// assert_eq!(
    ///     variation.canonical(Some("size=m&utm_source=mail&id=%37")).as_deref(),
    ///     Some("id=7&size=m"),
    /// );
    /// assert_eq!(variation.canonical(Some("utm_source=mail")), None);
    /// ```
    #[must_use]
    pub fn canonical(&self, query: Option<&str>) -> Option<String> {
        let pairs = parse(query?.as_bytes()).filter(|(name, _)| self.varies_on(name));
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs.collect();
        if !self.by_key_order {
            // Parameters with the same name keep their order. The draft compares names by code
            // units, the code here compares bytes. Any order is correct, as long as it is always
            // the same.
            pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        }
        if pairs.is_empty() {
            return None;
        }
        let mut canonical = String::with_capacity(query?.len());
        for (name, value) in &pairs {
            if !canonical.is_empty() {
                canonical.push('&');
            }
            canonical.extend(byte_serialize(name.as_bytes()));
            canonical.push('=');
            canonical.extend(byte_serialize(value.as_bytes()));
        }
        Some(canonical)
    }

    fn varies_on(&self, name: &str) -> bool {
        let is_listed = self.names.binary_search_by(|listed| (**listed).cmp(name)).is_ok();
        match self.listed {
            Listed::NoVary => !is_listed,
            Listed::Vary => is_listed,
        }
    }

    /// Returns the text form of the config.
    ///
    /// Fields with the same meaning have the same text, and fields with different meanings have
    /// different texts.
    ///
    /// The text begins with `o` if the order of names does not matter. After that, it has `-` and
    /// the names that don't matter, or `=` and the only names that matter.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// Parses a [text form](Self::as_text). Returns `None` if no config has this text.
    ///
    /// `text` may be anything.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() > MAX_TEXT_LEN {
            return None;
        }
        let (rest, by_key_order) = match text.strip_prefix('o') {
            Some(rest) => (rest, false),
            None => (text, true),
        };
        let (listed, names) = match rest.split_at_checked(1)? {
            ("-", names) => (Listed::NoVary, names),
            ("=", names) => (Listed::Vary, names),
            _ => return None,
        };
        let name = |name: &str| if name == EMPTY { "".into() } else { key(name.as_bytes()) };
        let names = names.split('&').filter(|name| !name.is_empty()).map(name);
        Self::new(listed, names.collect(), by_key_order).filter(|read| *read.text == *text)
    }
}

/// Returns the names in a list, or `None` if a member is not a string.
fn names(member: &ListEntry) -> Option<Vec<Box<str>>> {
    let ListEntry::InnerList(InnerList { items, .. }) = member else { return None };
    let name = |item: &sfv::Item| match &item.bare_item {
        BareItem::String(text) => Some(key(text.as_str().as_bytes())),
        _ => None,
    };
    items.iter().map(name).collect()
}

/// Decodes a name by the algorithm "Parse a key" (§5.3).
///
/// "Replace any 0x2B (+) in keyBytes with 0x20 (SP)", then percent-decoding, then UTF-8 decoding.
fn key(text: &[u8]) -> Box<str> {
    let bytes: Vec<_> = percent_decoded::form(text).collect();
    String::from_utf8_lossy(&bytes).into()
}

fn text(listed: Listed, names: &[Box<str>], by_key_order: bool) -> Box<str> {
    let mut text = String::new();
    if !by_key_order {
        text.push('o');
    }
    text.push(match listed {
        Listed::NoVary => '-',
        Listed::Vary => '=',
    });
    for (place, name) in names.iter().enumerate() {
        if place > 0 {
            text.push('&');
        }
        match &**name {
            "" => text.push_str(EMPTY),
            name => text.extend(byte_serialize(name.as_bytes())),
        }
    }
    text.into()
}
