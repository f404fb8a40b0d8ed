//! Selectors as they may be shown to an operator.

use super::Selector;
use crate::key::redact::{redact, redact_uri};

/// The maximum length of a selector that is shown, in bytes.
const MAX_SHOWN_LEN: usize = 1_024;

impl Selector {
    /// Returns the [one-line form](Self::to_text) without credentials, up to 1,024 bytes of it.
    ///
    /// A key and the query of a URI may have credentials: see [`redact`]. A longer text ends with
    /// `…`.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_core::invalidation::selector::{Selector, Tag};
    ///
    /// assert_eq!(Selector::from(Tag::new("product:42")).to_shown_text(), "t:product:42");
    /// let key = Selector::Key("k|cart|c|session=0123456789abcdef".into());
    /// assert!(key.to_shown_text().starts_with("k:k|cart|c|session=^#"));
    /// ```
    #[must_use]
    pub fn to_shown_text(&self) -> String {
        let mut text = match self {
            Self::Key(key) => format!("k:{}", redact(key)),
            Self::Uri(uri) => format!("u:{}", redact_uri(uri.as_str())),
            _ => self.to_text(),
        };
        if text.len() > MAX_SHOWN_LEN {
            let end = (0..=MAX_SHOWN_LEN).rev().find(|end| text.is_char_boundary(*end));
            text.truncate(end.unwrap_or_default());
            text.push('…');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::invalidation::selector::{PathName, Prefix, Tag, UriName};

    #[test]
    fn a_selector_is_shown_without_credentials() {
        let uri = |text| Selector::Uri(UriName::new(text).unwrap());
        let cases = [
            (Selector::Key("user:42".into()), "k:user:42"),
            (Selector::Key("k|t|p|x".into()), "k:k|t|p|^#"),
            (uri("/a?page=1"), "u:/a?page=1"),
            (uri("//h/a?token=x"), "u://h/a?token=^#"),
            (Tag::new("k|t|p|x").into(), "t:k|t|p|x"),
            (PathName::new("/a").unwrap().into(), "x:/a"),
            (Prefix::new("/").unwrap().into(), "p:/"),
            (Selector::All, "a:"),
        ];
        for (selector, expected) in cases {
            let shown = selector.to_shown_text();
            let shown = shown.split_once('#').map_or(&*shown, |(text, _)| &shown[..=text.len()]);
            assert_eq!(shown, expected);
        }
    }

    #[test]
    fn a_long_selector_is_cut_off_between_two_characters() {
        for len in [MAX_SHOWN_LEN - 4, MAX_SHOWN_LEN - 3, MAX_SHOWN_LEN - 2, 2 * MAX_SHOWN_LEN] {
            let text = Selector::from(Tag::new("x".repeat(len) + "é")).to_shown_text();
            let is_cut = len + "t:é".len() > MAX_SHOWN_LEN;
            assert_eq!(text.ends_with('…'), is_cut, "{len}");
            assert!(text.len() <= MAX_SHOWN_LEN + '…'.len_utf8(), "{len}");
        }
    }
}
