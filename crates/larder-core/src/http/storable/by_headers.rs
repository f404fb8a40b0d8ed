//! Tests of the same decision where the fields of the response decide, as in `Policy::rfc9111`.

use http::HeaderName;

use super::tests::{ANONYMOUS, judged};
use super::*;
use crate::http::testing::{NOVEMBER, fields, secs};

/// Returns the rules of `Policy::rfc9111`.
fn by_headers() -> StoreRules {
    StoreRules {
        statuses: StatusRules::every_final(),
        require_explicit: true,
        heuristic: Some(Heuristic::up_to(secs(3600))),
        ..StoreRules::default()
    }
}

/// RFC 9111 §3, §4.2.2.
#[test]
fn where_the_fields_decide_a_response_has_to_say_that_it_may_be_stored() {
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT");
    const EXPIRES: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
    const ETAG: (&str, &str) = ("etag", "\"a\"");
    let none = Err(NotStored::NoLifetime);
    for (status, lines, expected) in [
        // "a public response directive"
        (599, &[("cache-control", "public"), MODIFIED][..], Ok(10)),
        (599, &[MODIFIED], none),
        (200, &[("cache-control", "public")], none),
        // "an Expires header field"
        (599, &[EXPIRES], Ok(10)),
        // "a max-age response directive"
        (499, &[("cache-control", "max-age=7")], Ok(7)),
        // "an s-maxage response directive"
        (302, &[("cache-control", "s-maxage=8")], Ok(8)),
        // "a status code that is defined as heuristically cacheable"
        (404, &[MODIFIED], Ok(10)),
        (201, &[MODIFIED], none),
        (200, &[ETAG], Ok(0)),
        (201, &[ETAG], none),
        (200, &[], none),
        // §4.2.2: "A cache MUST NOT use heuristics to determine freshness when an explicit
        // expiration time is present".
        (200, &[("cache-control", "max-age=0"), MODIFIED], Ok(0)),
        (200, &[("expires", "0"), MODIFIED], Ok(0)),
        // RFC 9110 §14.4: in a 200, `Content-Range` "has no meaning".
        (200, &[("cache-control", "max-age=7"), ("content-range", "bytes 0-1/2")], Ok(7)),
        (206, &[("cache-control", "max-age=7")], Err(NotStored::Partial)),
        (304, &[("cache-control", "max-age=7")], Err(NotStored::Status)),
    ] {
        let found = judged(&by_headers(), ANONYMOUS, status, lines);
        assert_eq!(found.map(|judged| judged.lifetime.fresh), expected.map(secs), "{status} {lines:?}");
    }
    let stated = |lines| judged(&by_headers(), ANONYMOUS, 200, lines).map(|judged| judged.explicit);
    assert_eq!((stated(&[MODIFIED]), stated(&[EXPIRES])), (Ok(false), Ok(true)));
}

/// Our own rule: a page for one visitor is not assumed to be good for all visitors.
#[test]
fn no_lifetime_is_guessed_of_what_answers_a_cookie() {
    let visitor = fields(&[("cookie", "a=b")]);
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT");
    for (lines, expected) in [
        (&[MODIFIED][..], 0),
        (&[MODIFIED, ("cache-control", "public")], 10),
        (&[MODIFIED, ("cache-control", "max-age=5")], 5),
    ] {
        let (rules, said, headers) = (by_headers(), LifetimeOverride::default(), fields(lines));
        let found =
            storable(&rules, ANONYMOUS, &visitor, StatusCode::OK, &headers, &said, NOVEMBER, NOVEMBER);
        let found = found.map(|judged| judged.lifetime.fresh);
        assert_eq!(found, Ok(secs(expected)), "{lines:?}");
    }
}

/// RFC 9111 §7.3: "the Set-Cookie response header field […] does not inhibit caching".
#[test]
fn cookies_are_stored_where_the_policy_says_so() {
    let lines = &[("set-cookie", "a=b"), ("cache-control", "max-age=5")];
    assert_eq!(judged(&by_headers(), ANONYMOUS, 200, lines).err(), Some(NotStored::SetCookie));
    let storing = StoreRules { store_set_cookie: true, ..by_headers() };
    assert!(judged(&storing, ANONYMOUS, 200, lines).is_ok());
}

/// RFC 9213 §2.2: "it MUST ignore the Cache-Control and Expires header fields in that response".
#[test]
fn only_the_targeted_field_counts() {
    const TARGET: HeaderName = HeaderName::from_static("cdn-cache-control");
    const EXPIRES: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:59:47 GMT");
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:47:57 GMT");
    let targeting = StoreRules { targeted_fields: vec![TARGET], ..by_headers() };
    for (lines, expected) in [
        (&[("cdn-cache-control", "max-age=5"), ("cache-control", "no-store"), EXPIRES][..], Ok(5)),
        (
            &[("cdn-cache-control", "no-store"), ("cache-control", "max-age=9"), EXPIRES],
            Err(NotStored::NoStore),
        ),
        (&[("cdn-cache-control", "private"), ("cache-control", "max-age=9")], Err(NotStored::Private)),
        (
            &[("cdn-cache-control", "none"), ("cache-control", "max-age=9"), EXPIRES],
            Err(NotStored::NoLifetime),
        ),
        // §2.2: "The semantics and precedence of cache directives in a targeted field are the same
        // as those in Cache-Control". So the heuristic applies here.
        (&[("cdn-cache-control", "none"), ("cache-control", "no-store"), EXPIRES, MODIFIED], Ok(10)),
        (&[("cdn-cache-control", "max-age"), EXPIRES], Err(NotStored::NoLifetime)),
    ] {
        let found = judged(&targeting, ANONYMOUS, 200, lines);
        assert_eq!(found.map(|judged| judged.lifetime.fresh), expected.map(secs), "{lines:?}");
        assert!(
            judged(&by_headers(), ANONYMOUS, 200, lines).map(|judged| judged.lifetime.fresh) != Ok(secs(5))
        );
    }
}
