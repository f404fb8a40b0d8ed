//! Keys of values: long ones, and different ones that never share a value.

use std::collections::HashMap;

use larder::values::{KeyText, ValueKey, Values};
use larder::{Cache, Selector};

use crate::support::{Database, get, names};

/// A key over the limit is loaded each time, with a reason of its own.
#[tokio::test]
async fn a_key_that_is_too_long_is_loaded_each_time() {
    let cache = Cache::default();
    let values: Values<String, u64> = cache.values("text").build().unwrap();
    let key = "x".repeat(8192);
    for number in 0..3 {
        let load = async || Ok::<_, ()>(number);
        assert_eq!(*values.get_or_load(&key, load).await.unwrap().unwrap(), number);
    }
    assert!(!values.get(&key).await.is_cached());
    assert_eq!(values.stats().bypasses["key-too-long"], 4);
    // It names nothing, and invalidating it is no error.
    let _ = values.invalidate(&key).await;
    let database = Database::with(1, "Ada");
    let names = names(&cache);
    get(&names, &database, 1).await;
    let _ = values.invalidate(&key).await;
    assert!(names.get_cached(&1).is_cached());
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Shelf {
    All,
    Named(String),
    Range(u8, u8),
}

impl ValueKey for Shelf {
    fn write(&self, text: &mut KeyText<'_>) {
        match self {
            Self::All => text.text("all"),
            Self::Named(name) => text.text("named").separator().text(name),
            Self::Range(from, to) => text.text("range").separator().key(from).separator().key(to),
        };
    }
}

/// Checks that different keys have different texts.
fn are_distinct<K: ValueKey + std::fmt::Debug>(keys: impl IntoIterator<Item = K>) {
    let cache = Cache::default();
    let values: Values<K, u64> = cache.values("key").build().unwrap();
    let mut seen: HashMap<Selector, K> = HashMap::new();
    for key in keys {
        if let Some(other) = seen.insert(values.selector(&key), key.clone()) {
            assert_eq!(other, key, "two keys share a text");
        }
    }
    assert!(seen.len() > 10);
}

/// Returns all texts of up to three of these characters, some of which have a special meaning.
fn texts() -> Vec<String> {
    let letters = ["|", "^", "7", "C", "a", "{", "é"];
    let mut texts = vec![String::new()];
    for _ in 0..3 {
        let longer: Vec<_> =
            texts.iter().flat_map(|text| letters.map(|letter| format!("{text}{letter}"))).collect();
        texts.extend(longer);
        texts.sort_unstable();
        texts.dedup();
    }
    texts
}

#[test]
fn different_keys_have_different_texts() {
    let texts = texts();
    are_distinct(texts.clone());
    let short: Vec<_> = texts.iter().filter(|text| text.chars().count() < 3).cloned().collect();
    let pairs = || short.iter().flat_map(|one| short.iter().map(|other| (one.clone(), other.clone())));
    are_distinct(pairs());
    are_distinct(pairs().map(|(one, other)| [one, other]));
    are_distinct(pairs().map(|(one, other)| ((one.clone(), other), one)));
    are_distinct(-200..200_i16);
    are_distinct((0..=u8::MAX).map(char::from));
    let ranges = (0..20).flat_map(|from| (0..20).map(move |to| Shelf::Range(from, to)));
    let named = texts.into_iter().map(Shelf::Named);
    are_distinct(ranges.chain(named).chain([Shelf::All]));
}

/// Collections have names that are escaped in keys, as well.
#[test]
fn collections_do_not_share_values() {
    let cache = Cache::default();
    let one: Values<String, u64> = cache.values("a|b").build().unwrap();
    let other: Values<String, u64> = cache.values("a").build().unwrap();
    assert_ne!(one.selector(&"c".to_owned()), other.selector(&"b|c".to_owned()));
}
