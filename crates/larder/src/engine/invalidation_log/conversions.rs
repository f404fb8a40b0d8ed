//! The values that convert to an invalidation.

use std::borrow::Cow;

use larder_core::invalidation::selector::{Glob, PathName, Prefix, Selector, Tag, UriName};

use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::report::warned_once::WarnedOnce;

/// The tags that were given as text and look like a URI.
static URI_TAGS: WarnedOnce = WarnedOnce::new();

macro_rules! from_selectors {
    ($($kind:ty),+) => { $(
        impl From<$kind> for Invalidation {
            #[track_caller]
            fn from(selector: $kind) -> Self {
                Self::of(selector)
            }
        }
    )+ };
}
from_selectors!(Selector, Tag, Prefix, Glob, UriName, PathName);

macro_rules! from_texts {
    ($($kind:ty),+) => { $(
        impl From<$kind> for Invalidation {
            /// Creates an invalidation of every response with the tag of this text.
            #[track_caller]
            fn from(tag: $kind) -> Self {
                if looks_like_uri(&tag) {
                    warn_of_uri(&tag);
                }
                Self::tag(tag)
            }
        }
    )+ };
}
from_texts!(&str, String, Box<str>, Cow<'_, str>);

impl<T: Into<Self>> FromIterator<T> for Invalidation {
    /// Collects invalidations. Those that are soft stay soft.
    #[track_caller]
    fn from_iter<I: IntoIterator<Item = T>>(invalidations: I) -> Self {
        let mut all = Self::default();
        all.extend(invalidations);
        all
    }
}

impl<T: Into<Self>, const N: usize> From<[T; N]> for Invalidation {
    #[track_caller]
    fn from(invalidations: [T; N]) -> Self {
        invalidations.into_iter().collect()
    }
}

impl<T: Into<Self>> From<Vec<T>> for Invalidation {
    #[track_caller]
    fn from(invalidations: Vec<T>) -> Self {
        invalidations.into_iter().collect()
    }
}

fn looks_like_uri(text: &str) -> bool {
    text.starts_with('/') || text.contains("://")
}

/// Warns of a text that may be meant as a URI, once for each text.
#[cold]
fn warn_of_uri(tag: &str) {
    if URI_TAGS.is_first(tag) {
        tracing::warn!(
            target: "larder",
            tag,
            "a text names a tag, not a URI: use UriName, PathName, Prefix or Glob, or Tag if a tag is meant"
        );
    }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::selector::{Event, Mode};

    use super::*;

    fn event(mode: Mode, selector: impl Into<Selector>) -> Event {
        Event { mode, selector: selector.into() }
    }

    /// A text that looks like a URI or a key is a tag nevertheless.
    #[test]
    fn text_is_a_tag() {
        for text in ["product:42", "/products/42", "https://shop.example/", ""] {
            let expected = vec![event(Mode::Hard, Tag::new(text))];
            for invalidation in [
                Invalidation::from(text),
                text.to_owned().into(),
                Box::<str>::from(text).into(),
                Cow::from(text).into(),
            ] {
                assert_eq!(invalidation.events(), expected, "{text}");
            }
        }
        assert!(looks_like_uri("/a") && looks_like_uri("http://a"));
        assert!(!looks_like_uri("product:42") && !looks_like_uri("a/b"));
    }

    #[test]
    fn several_are_one_invalidation() {
        let both = [event(Mode::Hard, Tag::new("a")), event(Mode::Hard, Tag::new("b"))];
        let prefix = || Prefix::new("/p").unwrap();
        for invalidation in [
            Invalidation::from(["a", "b"]),
            vec![String::from("a"), String::from("b")].into(),
            ["a", "b"].into_iter().map(Tag::new).collect(),
            [Invalidation::tag("a"), Invalidation::tag("b")].into(),
        ] {
            assert_eq!(invalidation.events(), both);
        }
        assert_eq!(Invalidation::from([prefix()]).events(), [event(Mode::Hard, prefix())]);
        assert!(Invalidation::from(Vec::<Tag>::new()).events().is_empty());
    }

    #[test]
    fn the_mode_of_all_can_be_set_and_those_that_were_soft_stay_soft() {
        let soft = Invalidation::from(["a", "b"]).soft();
        assert!(soft.events().iter().all(|event| event.mode == Mode::Soft));
        let mixed: Invalidation = [soft, Invalidation::tag("c")].into_iter().collect();
        let modes = |invalidation: &Invalidation| {
            invalidation.events().into_iter().map(|event| event.mode).collect::<Vec<_>>()
        };
        assert_eq!(modes(&mixed), [Mode::Soft, Mode::Soft, Mode::Hard]);
        assert_eq!(modes(&mixed.soft()), [Mode::Soft; 3]);
        let mut extended = Invalidation::tag("a").soft();
        extended.extend(["b"]);
        assert_eq!(modes(&extended), [Mode::Soft; 2], "as with `and`");
    }
}
