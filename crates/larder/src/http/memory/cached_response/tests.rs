use larder_core::http::content_coding::ContentCoding;
use larder_core::http::reuse::{Reuse, reuse};

use super::gathered::MAX_GATHERED;
use super::*;
use crate::testing::after;
use crate::testing::now;
use crate::testing::stored;

/// The short check must agree with the rule.
///
/// This includes requests that read the clock before the response arrived.
#[test]
fn unconditional_freshness_agrees_with_the_rule_of_reuse() {
    let nanos = Duration::from_nanos;
    let minute = Duration::from_secs(60);
    let ages = [Duration::ZERO, nanos(1), minute - nanos(1), minute, minute + nanos(1)];
    for (age, no_cache) in ages.into_iter().flat_map(|age| [(age, false), (age, true)]) {
        let mut stored = stored("k", "");
        stored.meta.initial_age = age;
        stored.meta.flags.no_cache = no_cache;
        let cached = CachedResponse::from_fill(stored, Some(now()), after(minute));
        for at in [Duration::ZERO, minute - nanos(1), minute, minute + nanos(1), minute * 2, minute * 3] {
            let at = after(at);
            let rule = reuse(&cached.candidate(Verdict::Valid, true, at), None);
            let short =
                cached.is_unconditionally_fresh(at).then(|| Reuse::Fresh { left: cached.fresh_for(at) });
            assert_eq!(short.is_some(), matches!(rule, Reuse::Fresh { .. }), "{age:?} {at:?}");
            assert!(short.is_none_or(|short| short == rule), "{age:?} {at:?} {rule:?}");
        }
    }
}

/// A 304 makes a new response, whose small body is a copy. The coded forms of that body stay.
#[test]
fn coded_forms_stay_with_an_equal_body() {
    let html = |letter: &str| {
        let mut stored = stored("k", letter.repeat(2_000));
        stored.headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
        CachedResponse::from_fill(stored, Some(now()), now())
    };
    let base = html("x").with_coded_body(ContentCoding::Br, &Bytes::from_static(b"br"));
    assert_eq!(html("x").with_coded_forms_of(&base).codings(), [ContentCoding::Br]);
    assert!(html("y").with_coded_forms_of(&base).codings().is_empty());
}

/// The names, the values of the fields and a small body have one buffer, of exactly their size.
#[test]
fn a_response_keeps_no_buffer_of_the_handler_alive() {
    let (small, large) = (vec![b'x'; 100], vec![b'x'; MAX_GATHERED + 1]);
    for (body, is_copied) in [(Bytes::from(small), true), (Bytes::from(large), false)] {
        let mut stored = stored("k", body.clone());
        let names = stored.meta.names.clone();
        stored.headers.insert(ETAG, HeaderValue::from_maybe_shared(body.slice(..8)).unwrap());
        let cached = CachedResponse::from_fill(stored, Some(now()), now());
        assert_eq!((&cached.body, &cached.meta.names), (&body, &names));
        assert_eq!(cached.stored_headers()[ETAG], "xxxxxxxx");
        assert_eq!(cached.body.as_ptr() != body.as_ptr(), is_copied);
    }
}
