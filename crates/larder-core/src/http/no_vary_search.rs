//! Which differences in the query of a URI mean nothing: `No-Vary-Search` (draft-ietf-httpbis-no-vary-search-10, which is
//! approved and waits for its number; sections are those of that draft).
//!
//! Earlier drafts, and what was written by them, had `params` be a boolean as well, and `except` stand beside it. By the
//! approved one such a field is invalid, and is ignored (§5.1, §5.2.1).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use form_urlencoded::{byte_serialize, parse};
use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, InnerList, ListEntry, Parser};

use crate::key::decoded;

/// The field (§3).
pub const NO_VARY_SEARCH: HeaderName = HeaderName::from_static("no-vary-search");

/// A field of more bytes than this is ignored, which costs hits and nothing else. Each stored response has what it says in
/// its key.
const LONGEST_FIELD: usize = 1024;

/// What is made of a field takes three times its length at most: each byte of a name is three signs.
const LONGEST_TEXT: usize = 3 * LONGEST_FIELD;

/// The empty name, which a parameter may have, in a text: a sign that stands in no other encoded name.
const EMPTY: &str = "=";

/// A URL variation config (§4) that is not the default one: which parameters matter, and whether their order does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UrlVariation {
    listed: Listed,
    /// Decoded, sorted and all different.
    names: Box<[Box<str>]>,
    by_key_order: bool,
    text: Box<str>,
}

/// What the names that are listed are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Listed {
    /// The parameters that do not matter: `params`.
    NoVary,
    /// The only ones that do: `except`.
    Vary,
}

impl UrlVariation {
    /// What a response says (§5.2); `None` for the default, by which every difference matters.
    #[must_use]
    pub fn of(response: &HeaderMap) -> Option<Self> {
        let lines: Vec<_> = response.get_all(NO_VARY_SEARCH).iter().map(HeaderValue::as_bytes).collect();
        if lines.is_empty() {
            return None;
        }
        // RFC 9651 §4.2: all lines are one dictionary.
        let value = lines.join(&b", "[..]);
        if value.len() > LONGEST_FIELD {
            return None;
        }
        Self::parse(&Parser::new(&value).parse().ok()?)
    }

    /// §5.1, where "parameters" of the structured field are ignored, and so is each member whose key is none of the three.
    fn parse(value: &Dictionary) -> Option<Self> {
        let by_key_order = match value.get("key-order") {
            None => true,
            Some(ListEntry::Item(item)) => !item.bare_item.as_boolean()?,
            Some(ListEntry::InnerList(_)) => return None,
        };
        let (listed, names) = match (value.get("params"), value.get("except")) {
            // "If both value["params"] and value["except"] exist, then return the default URL variation config."
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

    /// The query in the form that all queries have which are equivalent to it, and no others (§6): its parameters that
    /// matter, in the order in which they do, decoded and encoded again. `None` if there are none.
    ///
    /// Two URIs that differ in their queries alone are "equivalent modulo variation config" if and only if these are the same.
    ///
    /// ```
    /// use http::{HeaderMap, HeaderValue};
    /// use larder_core::http::no_vary_search::{NO_VARY_SEARCH, UrlVariation};
    ///
    /// let field = HeaderValue::from_static(r#"key-order, params=("utm_source")"#);
    /// let response = HeaderMap::from_iter([(NO_VARY_SEARCH, field)]);
    /// let variation = UrlVariation::of(&response).unwrap();
    /// assert_eq!(variation.canonical(Some("size=m&utm_source=mail&id=%37")).as_deref(), Some("id=7&size=m"));
    /// assert_eq!(variation.canonical(Some("utm_source=mail")), None);
    /// ```
    #[must_use]
    pub fn canonical(&self, query: Option<&str>) -> Option<String> {
        let pairs = parse(query?.as_bytes()).filter(|(name, _)| self.varies_on(name));
        let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = pairs.collect();
        if !self.by_key_order {
            // Parameters of one name stay in their order. The draft has names compared by code units, here it is by bytes: any
            // order will do, as long as it is one.
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

    /// The same for all fields that mean the same, and another one for each that does not: `o` if the order of names does not
    /// matter, then `-` and the names that do not matter, or `=` and those that alone do.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.text
    }

    /// What has this [text](Self::as_text); `None` if nothing has. It may be anything.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        if text.len() > LONGEST_TEXT {
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

/// The names of a list, all of which have to be strings.
fn names(member: &ListEntry) -> Option<Vec<Box<str>>> {
    let ListEntry::InnerList(InnerList { items, .. }) = member else { return None };
    let name = |item: &sfv::Item| match &item.bare_item {
        BareItem::String(text) => Some(key(text.as_str().as_bytes())),
        _ => None,
    };
    items.iter().map(name).collect()
}

/// "Parse a key" (§5.3): "Replace any 0x2B (+) in keyBytes with 0x20 (SP)", then percent-decoding, then UTF-8 decoding.
fn key(text: &[u8]) -> Box<str> {
    let bytes: Vec<_> = decoded::form(text).collect();
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
