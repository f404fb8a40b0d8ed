use std::time::Duration;

use larder_core::http::no_vary_search::UrlVariation;
use larder_core::invalidation::selector::{Event, Mode, Selector, UriName};
use larder_core::stored::VariationHint;
use larder_core::time::{BootTime, WallTime};

use super::VariationTable;
use crate::engine::invalidation_log::uri_aliases::EquivalentUris as _;
use crate::testing::{after, now};

const MINUTE: Duration = Duration::from_secs(60);

fn variation(text: &str) -> UrlVariation {
    UrlVariation::from_text(text).unwrap()
}

fn at(millis: u64) -> WallTime {
    WallTime::from_unix_millis(millis)
}

fn hint(text: &str, millis: u64) -> VariationHint {
    VariationHint { variation: variation(text), at: at(millis), life: MINUTE }
}

fn text_of(variations: &VariationTable, base: &str, now: BootTime) -> Option<String> {
    variations.get(base, now).map(|variation| variation.as_text().to_owned())
}

#[test]
fn the_newest_word_counts_for_as_long_as_it_is_of_use() {
    let variations = VariationTable::default();
    let of = |now| text_of(&variations, "u|http|h|/a", now);
    let learn = |hint, now| variations.record("u|http|h|/a", hint, at(10_000), now);
    assert_eq!(of(now()), None);
    learn(hint("-a", 5_000), now());
    assert_eq!(of(now()).as_deref(), Some("-a"));
    assert_eq!(text_of(&variations, "u|http|h|/b", now()), None);
    learn(hint("-older", 4_999), now());
    assert_eq!(of(now()).as_deref(), Some("-a"));
    // Five seconds of its minute were over when it was recorded.
    assert_eq!(of(after(Duration::from_secs(55) - Duration::from_nanos(1))).as_deref(), Some("-a"));
    assert_eq!(of(after(Duration::from_secs(55))), None);
    // The same hint with a shorter life does not shorten it.
    learn(VariationHint { life: Duration::from_secs(10), ..hint("-a", 10_000) }, now());
    assert!(of(after(Duration::from_secs(54))).is_some());
    learn(hint("-b", 10_000), now());
    assert_eq!(of(after(MINUTE - Duration::from_nanos(1))).as_deref(), Some("-b"));
    // A hint from a clock that is ahead is not newer than the next one.
    learn(hint("-ahead", u64::MAX), now());
    learn(hint("-c", 10_000), now());
    assert_eq!(of(now()).as_deref(), Some("-c"));
    // An expired hint replaces no other one, and any other one replaces it.
    variations.record("u|http|h|/a", hint("-old", 0), at(70_000), now());
    assert_eq!(of(now()).as_deref(), Some("-c"));
    learn(hint("-d", 1_000), after(MINUTE));
    assert_eq!(of(after(MINUTE)).as_deref(), Some("-d"));
}

/// A client that makes up paths cannot fill the memory.
#[test]
fn it_is_bounded_by_bytes() {
    let variations = VariationTable::default();
    let names = (0..100).map(|number| format!("name{number:03}")).collect::<Vec<_>>().join("&");
    let text = format!("-{names}");
    for number in 0..20_000 {
        let base = format!("u|http|h|/{number}/{}", "x".repeat(number % 4_000));
        variations.record(&base, hint(&text, 1), at(1), now());
        assert!(variations.bytes() <= 1024 * 1024, "{}", variations.bytes());
    }
    assert!(variations.bytes() > 512 * 1024, "{}", variations.bytes());
}

fn named(variations: &VariationTable, uri: &str) -> Vec<String> {
    let selector = Selector::Uri(UriName::new(uri).unwrap());
    let events = vec![Event { mode: Mode::Soft, selector }];
    let events = variations.with_equivalents(events, now());
    assert!(events.iter().all(|event| event.mode == Mode::Soft));
    events.into_iter().map(|event| event.selector.to_text()).collect()
}

#[test]
fn a_uri_is_invalidated_with_what_its_equivalents_have_in_common() {
    let variations = VariationTable::default();
    assert_eq!(named(&variations, "/a?utm=1"), ["u:/a?utm=1"]);
    for (base, text) in [
        ("u|http|h|/a", "-utm"),
        ("u|http:|h|/a", "o-"),
        ("u|https|h:8443|/a", "=id"),
        ("u|http|h|/a/b", "="),
        ("u|http|h|/b^7C", "="),
        ("u|http|h|/caf%c3%a9", "="),
        ("u|http|other|/a", "-utm"),
    ] {
        variations.record(base, hint(text, 1), at(1), now());
    }
    for (uri, expected) in [
        ("http://h/a?utm=1&id=2", &["u://h/a?id=2", "u://h/a?id=2&utm=1", "u://h/a?utm=1&id=2"][..]),
        ("https://H:443/%61?id=%32&utm=1", &["u://h/a?id=2", "u://h/a?id=2&utm=1"]),
        ("https://h:8443/a?utm=1&id=2", &["u://h:8443/a?id=2", "u://h:8443/a?utm=1&id=2"]),
        ("https://h:9/a?utm=1", &["u://h:9/a?utm=1"]),
        ("http://h/a/b?x", &["u://h/a/b", "u://h/a/b?x"]),
        ("/b|?x", &["u:/b%7C", "u:/b%7C?x"]),
        ("/caf\u{e9}?x", &["u:/caf%C3%A9", "u:/caf%C3%A9?x"]),
        ("/b", &["u:/b"]),
    ] {
        let mut named = named(&variations, uri);
        named.sort();
        assert_eq!(named, expected, "{uri}");
    }
    // For all hosts, each name occurs once. Their order does not matter.
    let mut all = named(&variations, "/a?utm=1&id=2");
    all.sort();
    assert_eq!(all, ["u:/a?id=2", "u:/a?id=2&utm=1", "u:/a?utm=1&id=2"]);
    let tag = vec![Event { mode: Mode::Hard, selector: Selector::All }];
    assert_eq!(variations.with_equivalents(tag.clone(), now()), tag);
}
