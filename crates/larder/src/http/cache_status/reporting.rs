//! The fields by which a cache reports what it did, as its builder has set them.

/// The name of a cache in `Cache-Status`, unless its builder sets another one.
pub(super) const DEFAULT_NAME: &str = "Larder";

/// The maximum length of a name in bytes.
const MAX_NAME: usize = 64;

/// The maximum length of a name as it is written: in quotes, and each byte with a backslash.
pub(super) const MAX_WRITTEN_NAME: usize = 2 * MAX_NAME + 2;

/// The fields by which a cache reports what it did.
#[derive(Debug, Clone)]
pub(crate) struct Reporting {
    /// Whether responses have `X-Cache`.
    pub(crate) x_cache: bool,
    /// Whether responses have `Cache-Status`.
    pub(crate) cache_status: bool,
    /// The name as it is written in the field.
    name: Box<str>,
}

impl Default for Reporting {
    fn default() -> Self {
        Self { x_cache: true, cache_status: true, name: DEFAULT_NAME.into() }
    }
}

impl Reporting {
    /// Returns these fields with another name of the cache, or `None` if it cannot be a name.
    ///
    /// RFC 9211 §2: "Each member of the list represents a cache that has handled the request […]
    /// and its type MUST be either a String or a Token".
    pub(crate) fn with_name(self, name: &str) -> Option<Self> {
        if name.is_empty() || name.len() > MAX_NAME {
            return None;
        }
        let name = if is_token(name) { name.into() } else { quoted(name)? };
        Some(Self { name, ..self })
    }

    /// Returns the name as it is written in `Cache-Status`.
    #[inline]
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether no field is turned off.
    #[inline]
    pub(super) const fn is_complete(&self) -> bool {
        self.x_cache && self.cache_status
    }
}

/// Whether a text is a token (RFC 9651 §3.3.4).
fn is_token(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphabetic() || byte == b'*';
    let is_next = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~:/".contains(&byte);
    text.bytes().next().is_some_and(is_first) && text.bytes().all(is_next)
}

/// Returns a text as a quoted string (RFC 9651 §3.3.3), or `None` if it cannot be one.
fn quoted(text: &str) -> Option<Box<str>> {
    let is_allowed = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    text.bytes()
        .all(is_allowed)
        .then(|| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9651 §3.3.3, §3.3.4.
    #[test]
    fn a_name_is_a_token_or_a_string() {
        let longest = "x".repeat(MAX_NAME);
        for (name, written) in [
            ("Larder", "Larder"),
            ("*", "*"),
            ("edge-1.shop.example:8080/a", "edge-1.shop.example:8080/a"),
            (&longest, &longest),
            ("edge 1", "\"edge 1\""),
            ("1st", "\"1st\""),
            ("a,b;c=d", "\"a,b;c=d\""),
            ("the \"one\"", "\"the \\\"one\\\"\""),
            ("a\\b", "\"a\\\\b\""),
        ] {
            assert_eq!(Reporting::default().with_name(name).unwrap().name(), written);
        }
        let quotes = "\"".repeat(MAX_NAME);
        assert_eq!(Reporting::default().with_name(&quotes).unwrap().name().len(), MAX_WRITTEN_NAME);
    }

    #[test]
    fn a_name_that_no_field_can_have_is_refused() {
        for name in ["", "caché", "a\nb", "a\tb", "\u{7f}", &"x".repeat(MAX_NAME + 1)] {
            assert!(Reporting::default().with_name(name).is_none(), "{name:?}");
        }
    }
}
