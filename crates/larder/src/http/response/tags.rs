//! The tags that a handler gives its response.

use larder_core::log::selector::Tag;

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
/// let listed = Tags::from_iter((1..=3).map(|id| format!("product:{id}")));
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

impl<T: Into<Tag>> FromIterator<T> for Tags {
    fn from_iter<I: IntoIterator<Item = T>>(tags: I) -> Self {
        Self(tags.into_iter().map(Into::into).collect())
    }
}
