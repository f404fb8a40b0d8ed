//! No request is answered with a content coding that its `Accept-Encoding` does not accept.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use http::header::ACCEPT_ENCODING;
use http::{HeaderMap, HeaderValue};
use larder_core::http::vary::{self, codings};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// The codings that a handler may choose. The last one is in no field.
const CODINGS: [&str; 9] =
    ["br", "gzip", "deflate", "zstd", "compress", "x-gzip", "x-compress", "identity", "other"];

/// Whether a field accepts a coding: RFC 9110 §12.5.3, rule by rule.
///
/// The field has to be well-formed. A field that says two things about a coding accepts it only if
/// both do.
fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let lines: Vec<_> =
        request.get_all(ACCEPT_ENCODING).iter().map(|line| line.to_str().unwrap().to_lowercase()).collect();
    if lines.is_empty() {
        // "1. If no Accept-Encoding header field is in the request, any content coding is
        // considered acceptable by the user agent."
        return true;
    }
    let list = lines.join(",");
    let members: Vec<_> = list
        .split(',')
        .map(str::trim)
        .filter(|member| !member.is_empty())
        .map(|member| match member.split_once(';') {
            None => (member, true),
            Some((name, weight)) => {
                let weight = weight.trim().strip_prefix("q=").unwrap();
                (name.trim(), weight.parse::<f32>().unwrap() > 0.0)
            }
        })
        .collect();
    let said = |name: &str| {
        let of: Vec<_> = members.iter().filter(|member| member.0 == name).map(|member| member.1).collect();
        (!of.is_empty()).then(|| of.iter().all(|accepted| *accepted))
    };
    match (said(coding), said("*")) {
        // "3. If the representation's content coding is one of the content codings listed in the
        // Accept-Encoding field value, then it is acceptable unless it is accompanied by a qvalue
        // of 0."
        (Some(accepted), _) => accepted,
        // "The asterisk "*" symbol in an Accept-Encoding field matches any available content coding
        // not explicitly listed in the field." "2. If the representation has no content coding,
        // then it is acceptable by default unless specifically excluded by the Accept-Encoding
        // header field stating either "identity;q=0" or "*;q=0" without a more specific entry for
        // "identity"."
        (None, Some(any)) => any,
        (None, None) => coding == "identity",
    }
}

/// The request as the handler gets it.
fn forwarded(request: &HeaderMap) -> HeaderMap {
    let mut forwarded = request.clone();
    if let Some(normal) = codings::in_normal_form(request) {
        forwarded.insert(ACCEPT_ENCODING, normal);
    }
    forwarded
}

fn a_request() -> impl Strategy<Value = HeaderMap> {
    let name = select(vec!["br", "gzip", "GZIP", "deflate", "zstd", "compress", "x-gzip", "Identity", "*"]);
    let weight =
        select(vec!["", "", "", ";q=1", "; q=1.0", " ;Q=0.5", ";q=0.50", ";q=0.001", ";q=0", ";q=0.000"]);
    let member = (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"));
    let member = prop_oneof![9 => member, 1 => Just(String::new())];
    let line = (vec(member, 0..5), select(vec![",", ", ", " ,\t"])).prop_map(|(all, comma)| all.join(comma));
    vec(line, 0..3).prop_map(|lines| {
        let lines = lines.into_iter().map(|line| HeaderValue::try_from(line).unwrap());
        lines.map(|line| (ACCEPT_ENCODING, line)).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    /// Whatever the handler chooses for the request that it gets, each request of the variant
    /// accepts.
    #[test]
    fn a_variant_is_acceptable_to_each_of_its_requests(first in a_request(), later in a_request()) {
        let filled = forwarded(&first);
        let selecting = vary::selecting(&[ACCEPT_ENCODING], &filled);
        prop_assert_eq!(&selecting, &vary::selecting(&[ACCEPT_ENCODING], &first));
        prop_assert!(vary::matches(&selecting, &first) && vary::matches(&selecting, &filled));
        let same = vary::selecting(&[ACCEPT_ENCODING], &later) == selecting;
        prop_assert_eq!(vary::matches(&selecting, &later), same);
        for coding in CODINGS.into_iter().filter(|coding| accepts(&filled, coding)) {
            prop_assert!(accepts(&first, coding), "{} for {:?}", coding, first);
            prop_assert!(!same || accepts(&later, coding), "{} for {:?}", coding, later);
        }
    }

    /// A handler that knows gzip can choose what it could choose before.
    #[test]
    fn only_what_gzip_supersedes_is_lost(request in a_request()) {
        let normal = forwarded(&request);
        prop_assert_eq!(&forwarded(&normal), &normal, "it is a normal form");
        for coding in CODINGS.into_iter().filter(|coding| accepts(&request, coding)) {
            let is_superseded = ["deflate", "compress", "x-gzip", "x-compress"].contains(&coding);
            prop_assert!(accepts(&normal, coding) || is_superseded && accepts(&normal, "gzip"));
        }
    }
}
