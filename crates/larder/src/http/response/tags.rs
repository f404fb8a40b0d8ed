//! The tags that a handler gives its response.

use std::borrow::Cow;

use larder_core::invalidation::selector::Tag;

use crate::engine::invalidation_log::invalidation::Invalidation;

/// Tags of a response, in addition to those of the policy.
///
/// With the feature `axum`, this is a response part, and a response gets the tags of all such
/// parts. Otherwise, insert it into the extensions of the response.
///
/// # Examples
///
/// ```
/// use larder::Tags;
///
/// let tags = Tags::from(["catalogue", "season:winter"]);
/// let mut listed: Tags = (1..=3).map(|id| format!("product:{id}")).collect();
/// listed.extend(["products"]);
/// let one = Tags::from("product:42");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(Vec<Tag>);

impl Tags {
    pub(crate) fn into_vec(self) -> Vec<Tag> {
        self.0
    }

    /// Returns the tags of the other part, and then these.
    #[cfg(feature = "axum")]
    pub(super) fn merge_after(self, mut other: Self) -> Self {
        other.0.extend(self.0);
        other
    }
}

impl<T: Into<Tag>, const N: usize> From<[T; N]> for Tags {
    fn from(tags: [T; N]) -> Self {
        tags.into_iter().collect()
    }
}

impl<T: Into<Tag>> From<Vec<T>> for Tags {
    fn from(tags: Vec<T>) -> Self {
        tags.into_iter().collect()
    }
}

macro_rules! from_tags {
    ($($kind:ty),+) => { $(
        impl From<$kind> for Tags {
            /// Creates the set of this one tag. Text is not split.
            fn from(tag: $kind) -> Self {
                Self::from([tag])
            }
        }
    )+ };
}
from_tags!(Tag, &str, String, Box<str>, Cow<'_, str>);

impl<T: Into<Tag>> Extend<T> for Tags {
    fn extend<I: IntoIterator<Item = T>>(&mut self, tags: I) {
        self.0.extend(tags.into_iter().map(Into::into));
    }
}

impl IntoIterator for Tags {
    type Item = Tag;
    type IntoIter = std::vec::IntoIter<Tag>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl From<Tags> for Invalidation {
    /// Creates an invalidation of every response with one of these tags.
    #[track_caller]
    fn from(tags: Tags) -> Self {
        tags.into_iter().collect()
    }
}

impl<T: Into<Tag>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        Self(tags.into_iter().map(Into::into).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_come_from_what_a_handler_has() {
        let two = Tags::from(["a b", "c"]);
        assert_eq!(Tags::from(vec![String::from("a b"), String::from("c")]), two);
        let mut extended = Tags::from("a b");
        extended.extend([Tag::new("c")]);
        assert_eq!(extended, two, "text is not split");
        let invalidation = Invalidation::tag("a b").and_tag("c");
        assert_eq!(Invalidation::from(two), invalidation);
    }
}
