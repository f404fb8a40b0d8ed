//! Ranges, compared with a model that checks each byte, and parsed from any bytes a client sends.

use http::header::{CONTENT_RANGE, IF_RANGE, RANGE};
use http::{HeaderMap, HeaderValue};
use larder_core::http::range::{ContentRange, Requested, Selected, if_range, parse_range};
use proptest::prelude::*;

/// A `range-spec` as a client would write it, and the bytes of `length` that it names.
#[derive(Debug, Clone)]
enum Spec {
    Between(u64, u64),
    From(u64),
    Last(u64),
}

impl Spec {
    fn text(&self) -> String {
        match self {
            Self::Between(first, more) => format!("{first}-{}", first + more),
            Self::From(first) => format!("{first}-"),
            Self::Last(suffix) => format!("-{suffix}"),
        }
    }

    fn names(&self, byte: u64, length: u64) -> bool {
        match self {
            Self::Between(first, more) => (*first..=first + more).contains(&byte),
            Self::From(first) => byte >= *first,
            Self::Last(suffix) => byte + suffix >= length,
        }
    }
}

fn spec() -> impl Strategy<Value = Spec> {
    let position = 0..600_u64;
    prop_oneof![
        (position.clone(), position.clone()).prop_map(|(first, more)| Spec::Between(first, more)),
        position.clone().prop_map(Spec::From),
        position.prop_map(Spec::Last),
    ]
}

fn with(name: http::HeaderName, value: &[u8]) -> Option<HeaderMap> {
    Some(HeaderMap::from_iter([(name, HeaderValue::from_bytes(value).ok()?)]))
}

proptest! {
    /// Every named byte is served once, and no byte is served that is far from all named ones.
    #[test]
    fn the_selected_bytes_are_the_named_bytes(specs in prop::collection::vec(spec(), 1..6), length in 0..700_u64) {
        let set: Vec<_> = specs.iter().map(Spec::text).collect();
        let request = with(RANGE, format!("bytes={}", set.join(", ")).as_bytes()).unwrap();
        let Requested::Bytes(ranges) = parse_range(&request) else { panic!("{request:?}") };
        let named = |byte| specs.iter().any(|spec| spec.names(byte, length));
        match ranges.select(length) {
            Selected::Whole => prop_assert_eq!(length, 0),
            Selected::Unsatisfiable => prop_assert!(!(0..length).any(named)),
            Selected::Parts(parts) => {
                prop_assert!(!parts.is_empty() && parts.len() <= specs.len());
                for byte in 0..length {
                    let served = parts.iter().filter(|part| part.contains(&byte)).count();
                    let is_near = (byte.saturating_sub(80)..length.min(byte + 81)).any(named);
                    prop_assert!(served <= 1 && (served == 1 || !named(byte)) && (served == 0 || is_near), "{}", byte);
                }
                for part in &parts {
                    prop_assert!(part.start < part.end && part.end <= length);
                    prop_assert!(named(part.start) && named(part.end - 1));
                }
                // The order is that in which they were first requested.
                let first_named = |part: &std::ops::Range<u64>| {
                    specs.iter().position(|spec| part.clone().any(|byte| spec.names(byte, length)))
                };
                prop_assert!(parts.is_sorted_by_key(first_named));
                for held in [0..length, 0..length / 2, length / 2..length] {
                    let Some(part) = ContentRange::new(held.clone(), Some(length)) else { continue };
                    let all = parts.iter().all(|part| held.start <= part.start && part.end <= held.end);
                    prop_assert_eq!(ranges.select_within(&part), all.then(|| parts.clone()));
                }
            }
        }
    }

    #[test]
    fn a_content_range_is_read_as_it_is_written(first: u64, more in 1..u64::MAX, behind in prop::option::of(any::<u64>())) {
        let end = first.saturating_add(more);
        let complete = behind.map(|behind| end.saturating_add(behind));
        if let Some(part) = ContentRange::new(first..end, complete) {
            let headers = HeaderMap::from_iter([(CONTENT_RANGE, part.to_value())]);
            prop_assert_eq!(ContentRange::of(&headers), Some(part));
        }
    }

    /// Nothing panics, and no byte is selected that does not exist.
    #[test]
    fn any_bytes_are_some_request(value in "(bytes=)?[-0-9,= \"a-zW/]{0,60}", bytes: Vec<u8>, length: u64) {
        for value in [value.as_bytes(), &bytes] {
            let Some(request) = with(RANGE, value) else { continue };
            if let Requested::Bytes(ranges) = parse_range(&request) {
                for length in [0, 1, length, u64::MAX] {
                    if let Selected::Parts(parts) = ranges.select(length) {
                        prop_assert!(parts.iter().all(|part| part.start < part.end && part.end <= length));
                    }
                }
            }
            if let Some(part) = with(CONTENT_RANGE, value).and_then(|fields| ContentRange::of(&fields)) {
                prop_assert!(!part.range().is_empty());
            }
            let condition = with(IF_RANGE, value).unwrap();
            prop_assert!(!if_range(&condition, &HeaderMap::new()));
        }
    }
}
