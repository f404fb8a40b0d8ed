//! The responses with a tag.

/// A name for the invalidation of responses, whatever their URIs.
///
/// Fastly calls this a surrogate key. Any text is valid: `product:42`, `users:top`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(Box<str>);

impl Tag {
    /// Creates the tag with this text.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// Returns the text of the tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<T: Into<Box<str>>> From<T> for Tag {
    fn from(text: T) -> Self {
        Self::new(text)
    }
}
