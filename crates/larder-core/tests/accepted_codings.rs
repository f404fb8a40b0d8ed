//! A request gets a representation that its `Accept-Encoding` accepts, and the one that it prefers.

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::content_coding::accepted::{AcceptedCodings, Preferred};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// Returns the weight of a coding: RFC 9110 §12.5.3, rule by rule, with texts and fractions.
///
/// `None` if the field does not say. A field that states two weights means the lower one.
fn weight(lines: &[String], coding: &str) -> Option<f32> {
    let list = lines.join(",").to_lowercase();
    let members = list.split(',').map(str::trim).filter(|member| !member.is_empty());
    let weights: Vec<_> = members
        .map(|member| match member.split_once(';') {
            None => (member, 1.0),
            Some((name, weight)) => (name.trim(), weight.trim()[2..].parse::<f32>().unwrap_or(f32::NAN)),
        })
        .collect();
    let of = |names: &[&str]| {
        let of = weights.iter().filter(|(name, _)| names.contains(name)).map(|(_, weight)| *weight);
        of.reduce(f32::min)
    };
    let own = if coding == "gzip" { of(&["gzip", "x-gzip"]) } else { of(&[coding]) };
    own.or_else(|| of(&["*"]))
}

/// Returns the coding that a request gets of these, in their order.
fn reference(lines: &[String], offered: &[ContentCoding]) -> (Option<ContentCoding>, bool) {
    if lines.is_empty() {
        return (None, true);
    }
    let identity = weight(lines, "identity");
    let weights = offered.iter().map(|coding| (*coding, weight(lines, coding.as_str()).unwrap_or(0.0)));
    let mut acceptable: Vec<_> = weights.filter(|(_, weight)| *weight > 0.0).collect();
    // Stable, so the order of the server decides between equal weights.
    acceptable.sort_by(|one, other| other.1.total_cmp(&one.1));
    let best = acceptable.first().filter(|(_, weight)| *weight >= identity.unwrap_or(0.0));
    (best.map(|(coding, _)| *coding), identity != Some(0.0))
}

fn member() -> impl Strategy<Value = String> {
    let names = ["br", "gzip", "zstd", "x-gzip", "deflate", "identity", "*", "BR", "GZip", "Identity"];
    let weights =
        ["", ";q=0", ";q=1", ";q=0.5", "; q=0.001", " ;q=0.000", ";Q=1.000", ";q=0.7", ";q=0.70", " ; q=0.5"];
    (select(names.to_vec()), select(weights.to_vec())).prop_map(|(name, weight)| format!("{name}{weight}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_preferred_coding_is_that_of_the_rules(
        lines in vec(vec(member(), 0..5), 0..3),
        order in select(vec![[0, 1, 2], [2, 1, 0], [1, 0, 2]]),
        count in 0..=3_usize,
    ) {
        let lines: Vec<_> = lines.iter().map(|members| members.join(", ")).collect();
        let mut request = HeaderMap::new();
        for line in &lines {
            request.append(ACCEPT_ENCODING, HeaderValue::from_str(line).unwrap());
        }
        let offered = &order.map(|place: usize| ContentCoding::ALL[place])[..count];
        let Preferred { coding, accepts_identity } = AcceptedCodings::of(&request).prefer(offered);
        prop_assert_eq!((coding, accepts_identity), reference(&lines, offered), "{:?}", lines);
    }

    /// Any bytes may be in the field. None of them panics, and none is taken for a coding.
    #[test]
    fn any_bytes_are_read(bytes in vec(any::<u8>(), 0..60)) {
        let Ok(value) = HeaderValue::from_bytes(&bytes) else { return Ok(()) };
        let request = HeaderMap::from_iter([(ACCEPT_ENCODING, value)]);
        let preferred = AcceptedCodings::of(&request).prefer(&[ContentCoding::Zstd]);
        let names_it = bytes.contains(&b'*') || bytes.to_ascii_lowercase().windows(4).any(|part| part == b"zstd");
        prop_assert!(preferred.coding.is_none() || names_it);
    }
}
