//! Texts that many stored responses have in common, such as the names of header fields.

use std::collections::HashSet;
use std::sync::{LazyLock, PoisonError, RwLock};

/// The maximum size of all texts together, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The maximum size of one text, in bytes.
const MAX_TEXT: usize = 256;

/// The texts of this process. They are never freed, so that a copy of a field that has one needs no
/// reference count, which processors would share.
static TEXTS: LazyLock<RwLock<ConstantTexts>> = LazyLock::new(RwLock::default);

#[derive(Default)]
struct ConstantTexts {
    known: HashSet<&'static str>,
    bytes: usize,
}

/// Returns a text for the life of the process.
///
/// Returns `None` for a long text, and if there is no room for another one.
pub(super) fn constant_text(text: &str) -> Option<&'static str> {
    let known = TEXTS.read().unwrap_or_else(PoisonError::into_inner).known.get(text).copied();
    known.or_else(|| TEXTS.write().unwrap_or_else(PoisonError::into_inner).add(text))
}

impl ConstantTexts {
    fn add(&mut self, text: &str) -> Option<&'static str> {
        if let Some(known) = self.known.get(text) {
            return Some(known);
        }
        if text.len() > MAX_TEXT || self.bytes + text.len() > MAX_BYTES {
            return None;
        }
        let added: &'static str = Box::leak(text.into());
        self.known.insert(added);
        self.bytes += added.len();
        Some(added)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_stored_once() {
        let one = constant_text("application/json").unwrap();
        let other = constant_text(&["application", "json"].join("/")).unwrap();
        assert!(std::ptr::eq(one, other));
        assert_eq!(one, "application/json");
    }

    #[test]
    fn the_texts_are_bounded() {
        let mut texts = ConstantTexts::default();
        assert_eq!(texts.add(&"x".repeat(MAX_TEXT + 1)), None);
        let added = (0..MAX_BYTES).filter(|number| texts.add(&format!("{number:0>250}")).is_some()).count();
        assert_eq!(added, MAX_BYTES / 250);
        assert!(texts.add(&format!("{:0>250}", 0)).is_some(), "it is known");
    }
}
