//! The header fields of a response, in whatever form they are stored.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header fields of a response, which rules read line by line.
pub trait FieldLines {
    /// Returns the values of the lines of a field, in their order.
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]>;

    /// Returns the value of the first line of a field.
    fn line<'a>(&'a self, name: &HeaderName) -> Option<&'a [u8]> {
        self.lines(name).next()
    }
}

impl FieldLines for HeaderMap {
    fn lines<'a>(&'a self, name: &HeaderName) -> impl Iterator<Item = &'a [u8]> {
        self.get_all(name).iter().map(HeaderValue::as_bytes)
    }

    #[inline]
    fn line<'a>(&'a self, name: &HeaderName) -> Option<&'a [u8]> {
        self.get(name).map(HeaderValue::as_bytes)
    }
}
