//! The filter of a listing.

use larder_core::invalidation::names::Names;
use larder_core::invalidation::selector::{Digest, Selector, Tag};
use larder_core::key::redact::redact;

/// The entries that a listing shows: all of them, or those that meet each of these conditions.
///
/// # Examples
///
/// ```
/// use larder::inspect::StoredFilter;
///
/// let all = StoredFilter::default();
/// let some = StoredFilter::default().path_prefix("/products").tag("season:winter");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredFilter {
    path_prefix: Option<Box<str>>,
    tag: Option<Digest>,
    key_contains: Option<Box<str>>,
}

impl StoredFilter {
    /// Shows only responses whose path begins with this text.
    ///
    /// The path is in its normal form: `/café` is `/caf%C3%A9`. Unlike with a
    /// [`Prefix`](crate::Prefix), `/prod` is the beginning of `/products`. A value has no path.
    #[must_use]
    pub fn path_prefix(mut self, prefix: impl Into<Box<str>>) -> Self {
        self.path_prefix = Some(prefix.into());
        self
    }

    /// Shows only entries with this tag.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<Tag>) -> Self {
        self.tag = Selector::Tag(tag.into()).digest();
        self
    }

    /// Shows only entries whose key contains this text, as the key is shown.
    ///
    /// So a filter finds out nothing about a value that is hidden.
    #[must_use]
    pub fn key_contains(mut self, text: impl Into<Box<str>>) -> Self {
        self.key_contains = Some(text.into());
        self
    }

    /// Whether the listing shows the entry with this key and these names.
    pub(crate) fn shows(&self, key: &str, names: &Names) -> bool {
        self.path_prefix.as_ref().is_none_or(|prefix| has_path(names) && names.path().starts_with(&**prefix))
            && self.tag.is_none_or(|tag| names.digests().any(|digest| digest == tag))
            && self.key_contains.as_ref().is_none_or(|text| redact(key).contains(&**text))
    }
}

/// Whether these are the names of a response. A value has no path.
fn has_path(names: &Names) -> bool {
    !names.path().is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_to_be_met() {
        let filter = StoredFilter::default;
        let names = Names::new("/products/1", &["k".into()], &[], &[Tag::new("a"), Tag::new("b")]);
        let value = Names::of_value("v|product|1", &[Tag::new("a")]);
        let key = "u|http|shop|/products/1|p|user7";
        let cases = [
            (filter(), true, true),
            (filter().path_prefix("/prod"), true, false),
            (filter().path_prefix(""), true, false),
            (filter().path_prefix("/products/1/"), false, false),
            (filter().tag("a"), true, true),
            (filter().tag("b"), true, false),
            (filter().tag("k"), false, false),
            (filter().key_contains("product"), true, true),
            (filter().key_contains("shop|/pro"), true, false),
            (filter().key_contains("user7"), false, false),
            (filter().key_contains("p|^#"), true, false),
            (filter().path_prefix("/prod").tag("b").key_contains("1"), true, false),
            (filter().path_prefix("/prod").tag("c"), false, false),
        ];
        for (filter, of_response, of_value) in cases {
            assert_eq!(filter.shows(key, &names), of_response, "{filter:?}");
            assert_eq!(filter.shows("v|product|1", &value), of_value, "{filter:?}");
        }
    }
}
