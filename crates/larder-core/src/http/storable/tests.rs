//! Tests of one decision: may this response be stored?

use http::HeaderName;

use super::*;
use crate::http::testing::{NOVEMBER, fields, secs};

pub(super) const ANONYMOUS: Credentials = Credentials { authorization: false, cookie: false, field: false };
const AUTHORIZED: Credentials = Credentials { authorization: true, ..ANONYMOUS };
const WITH_COOKIE: Credentials = Credentials { cookie: true, ..ANONYMOUS };

fn rules(fresh: u64) -> StoreRules {
    StoreRules { lifetime: Lifetime { fresh: secs(fresh), ..Lifetime::default() }, ..StoreRules::default() }
}

pub(super) fn judged(
    rules: &StoreRules,
    credentials: Credentials,
    status: u16,
    lines: &[(&'static str, &str)],
) -> Result<Storable, NotStored> {
    storable(
        rules,
        credentials,
        &HeaderMap::new(),
        StatusCode::from_u16(status).unwrap(),
        &fields(lines),
        &LifetimeOverride::default(),
        NOVEMBER,
        NOVEMBER,
    )
}

fn refusal(lines: &[(&'static str, &str)]) -> Option<NotStored> {
    judged(&rules(60), ANONYMOUS, 200, lines).err()
}

/// RFC 9111 §3, §4.1, §5.2.2.5, §5.2.2.7. The rule for `Set-Cookie` is our own.
#[test]
fn a_response_that_forbids_storing_is_not_stored() {
    for (lines, expected) in [
        (&[][..], None),
        (&[("cache-control", "max-age=1")], None),
        (&[("cache-control", "no-store")], Some(NotStored::NoStore)),
        (&[("cache-control", "max-age=9, public, no-store")], Some(NotStored::NoStore)),
        (&[("cache-control", "private, max-age=9")], Some(NotStored::Private)),
        // §5.2.2.7: the listed fields are not stored, and the rest is.
        (&[("cache-control", "private=\"x-a\"")], None),
        (&[("cache-control", "private=\"set-cookie\""), ("set-cookie", "a=b")], None),
        (&[("cache-control", "no-cache=\"set-cookie\""), ("set-cookie", "a=b")], None),
        (&[("cache-control", "private=\"x-a\""), ("set-cookie", "a=b")], Some(NotStored::SetCookie)),
        (&[("cache-control", "private=\"x-a\", private")], Some(NotStored::Private)),
        (&[("cache-control", "private=\"not a name\"")], Some(NotStored::Private)),
        (&[("set-cookie", "a=b")], Some(NotStored::SetCookie)),
        (&[("set-cookie", "a=b"), ("cache-control", "public")], Some(NotStored::SetCookie)),
        (&[("vary", "*")], Some(NotStored::VaryStar)),
        (&[("vary", "accept, *")], Some(NotStored::VaryStar)),
        (&[("vary", "accept")], None),
        (&[("content-range", "bytes 0-1/2")], Some(NotStored::Partial)),
    ] {
        assert_eq!(refusal(lines), expected, "{lines:?}");
    }
}

/// RFC 9111 §5.2.2.7: "a private cache MAY store the response".
#[test]
fn a_private_response_is_stored_for_its_user() {
    let rules = StoreRules { store_private: true, ..rules(60) };
    for (cache_control, expected) in [
        ("private", None),
        ("private, max-age=9", None),
        ("private=\"not a name\"", None),
        ("private=\"x-a\"", None),
        ("private, no-store", Some(NotStored::NoStore)),
        ("private, max-age=0", Some(NotStored::NoLifetime)),
    ] {
        let lines = &[("cache-control", cache_control)];
        assert_eq!(judged(&rules, ANONYMOUS, 200, lines).err(), expected, "{cache_control}");
    }
    assert_eq!(judged(&rules, AUTHORIZED, 200, &[]), Err(NotStored::Authorization), "not its business");
    assert_eq!(judged(&rules, ANONYMOUS, 200, &[("set-cookie", "a=b")]), Err(NotStored::SetCookie));
}

/// RFC 9111 §3; RFC 9110 §15.3.7.
#[test]
fn a_status_has_to_be_among_those_of_the_policy() {
    let rules = StoreRules {
        statuses: StatusRules::default().with(StatusCode::NOT_FOUND, Some(secs(10))),
        ..rules(60)
    };
    for (status, expected) in [
        (200, Ok(60)),
        (204, Ok(60)),
        (206, Err(NotStored::Partial)),
        (301, Err(NotStored::Status)),
        (304, Err(NotStored::Status)),
        (404, Ok(10)),
        (500, Err(NotStored::Status)),
    ] {
        let found = judged(&rules, ANONYMOUS, status, &[]).map(|judged| judged.lifetime.fresh);
        assert_eq!(found, expected.map(secs), "{status}");
    }
    // A status code's own lifetime is still only a default.
    let stated = judged(&rules, ANONYMOUS, 404, &[("cache-control", "max-age=3")]);
    assert_eq!(stated.map(|judged| judged.lifetime.fresh), Ok(secs(3)));
}

/// RFC 9111 §3.3: "MAY be stored as if it were an incomplete 200 (OK) response".
///
/// This applies to a cache that understands the range.
#[test]
fn a_part_is_judged_like_the_whole_where_parts_are_stored() {
    const FRESH: (&str, &str) = ("cache-control", "max-age=9");
    let rules = StoreRules { store_partial: true, ..rules(60) };
    for (status, lines, expected) in [
        (206, &[("content-range", "bytes 0-1/2"), FRESH][..], Ok(9)),
        (206, &[("content-range", "bytes 0-1/*")], Ok(60)),
        (206, &[("content-range", "bytes 0-1/2"), ("cache-control", "no-store")], Err(NotStored::NoStore)),
        (206, &[("content-range", "bytes */2"), FRESH], Err(NotStored::Partial)),
        (206, &[("content-range", "items 0-1/2"), FRESH], Err(NotStored::Partial)),
        (206, &[("content-type", "multipart/byteranges; boundary=a"), FRESH], Err(NotStored::Partial)),
    ] {
        let found = judged(&rules, ANONYMOUS, status, lines).map(|judged| judged.lifetime.fresh);
        assert_eq!(found, expected.map(secs), "{status} {lines:?}");
    }
}

/// RFC 9111 §4.2.1. The precedence of the handler's override is our own rule.
#[test]
fn a_lifetime_is_stated_where_the_fields_name_it() {
    for (lines, expected) in [
        (&[][..], false),
        (&[("cache-control", "public, stale-while-revalidate=5")], false),
        (&[("cache-control", "max-age=3")], true),
        (&[("cache-control", "s-maxage=3")], true),
        (&[("expires", "Mon, 01 Jan 2035 00:00:00 GMT")], true),
    ] {
        let judged = |said: LifetimeOverride| {
            let request = HeaderMap::new();
            let (fields, status) = (fields(lines), StatusCode::OK);
            storable(&rules(60), ANONYMOUS, &request, status, &fields, &said, NOVEMBER, NOVEMBER).unwrap()
        };
        assert_eq!(judged(LifetimeOverride::default()).explicit, expected, "{lines:?}");
        let window = LifetimeOverride { while_revalidate: Some(secs(1)), ..LifetimeOverride::default() };
        assert_eq!(judged(window).explicit, expected, "{lines:?} and a window");
        let fresh = LifetimeOverride { fresh: Some(secs(1)), ..LifetimeOverride::default() };
        assert!(!judged(fresh).explicit, "{lines:?} and a lifetime");
    }
}

/// Our own rule, for a policy with lifetimes for caches downstream.
#[test]
fn a_max_age_for_caches_downstream_is_no_lifetime_here() {
    const TARGET: HeaderName = HeaderName::from_static("cdn-cache-control");
    const EXPIRES: (&str, &str) = ("expires", "Sun, 06 Nov 1994 08:49:47 GMT");
    let rules = StoreRules { max_age_downstream: true, targeted_fields: vec![TARGET], ..rules(60) };
    for (lines, expected) in [
        (&[("cache-control", "max-age=5")][..], Ok((60, false))),
        (&[("cache-control", "max-age=0")], Ok((60, false))),
        (&[EXPIRES], Ok((60, false))),
        (&[("cache-control", "max-age=5, s-maxage=7")], Ok((7, true))),
        (&[("cache-control", "max-age=5"), ("cdn-cache-control", "max-age=8")], Ok((8, true))),
        (&[("cache-control", "max-age=5, no-store")], Err(NotStored::NoStore)),
        (&[("cache-control", "max-age=5, private")], Err(NotStored::Private)),
        (&[("cache-control", "max-age=5, no-cache")], Err(NotStored::NoLifetime)),
    ] {
        let found = judged(&rules, ANONYMOUS, 200, lines);
        let found = found.map(|judged| (judged.lifetime.fresh, judged.explicit));
        assert_eq!(found, expected.map(|(fresh, explicit)| (secs(fresh), explicit)), "{lines:?}");
    }
}

/// RFC 9111 §5.2.2.3.
#[test]
fn must_understand_sets_no_store_aside_where_the_status_is_understood() {
    const LINES: &[(&str, &str)] = &[("cache-control", "must-understand, no-store, max-age=9")];
    assert!(judged(&rules(60), ANONYMOUS, 200, LINES).is_ok());
    assert_eq!(judged(&rules(60), ANONYMOUS, 299, LINES), Err(NotStored::Status));
    let alone = &[("cache-control", "must-understand, max-age=9")];
    assert_eq!(judged(&rules(60), ANONYMOUS, 299, alone), Err(NotStored::Status));
}

/// RFC 9111 §3.5: "must-revalidate […], public […], and s-maxage". The rule for cookies is our own.
#[test]
fn responses_to_requests_with_credentials_have_to_say_that_they_may_be_shared() {
    for (cache_control, authorized, with_cookie) in [
        ("max-age=9", false, false),
        ("max-age=9, public", true, true),
        ("s-maxage=9", true, true),
        ("max-age=9, must-revalidate", true, false),
        ("max-age=9, proxy-revalidate", false, false),
        ("max-age=9, immutable", false, false),
    ] {
        let lines = &[("cache-control", cache_control)];
        let stored = |rules: &StoreRules, credentials| judged(rules, credentials, 200, lines);
        let plain = rules(60);
        assert_eq!(stored(&plain, AUTHORIZED).is_ok(), authorized, "{cache_control}");
        assert_eq!(stored(&plain, WITH_COOKIE).is_ok(), with_cookie, "{cache_control}");
        assert_eq!(stored(&plain, ANONYMOUS).map(|judged| judged.flags.shareable), Ok(authorized));
    }
    assert_eq!(judged(&rules(60), AUTHORIZED, 200, &[]), Err(NotStored::Authorization));
    assert_eq!(judged(&rules(60), WITH_COOKIE, 200, &[]), Err(NotStored::Cookie));
}

#[test]
fn a_policy_may_share_what_answers_credentials_each_kind_for_itself() {
    let authorized = StoreRules { share_authorized: true, ..rules(60) };
    let cookies = StoreRules { share_cookies: true, ..rules(60) };
    assert!(judged(&authorized, AUTHORIZED, 200, &[]).is_ok());
    assert!(judged(&authorized, WITH_COOKIE, 200, &[]).is_err());
    assert!(judged(&cookies, WITH_COOKIE, 200, &[]).is_ok());
    assert!(judged(&cookies, AUTHORIZED, 200, &[]).is_err());
}

/// RFC 9111 §4.2: a response without a fresh lifetime is stored only if it is of other use.
///
/// It must be possible to validate it or to use it stale.
#[test]
fn a_response_has_to_be_of_some_use() {
    const ETAG: (&str, &str) = ("etag", "\"a\"");
    const MODIFIED: (&str, &str) = ("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (lines, expected) in [
        (&[("cache-control", "max-age=1")][..], None),
        (&[("cache-control", "max-age=0")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "max-age=0"), ETAG], None),
        (&[("cache-control", "max-age=0"), MODIFIED], None),
        (&[("cache-control", "max-age=0"), ("last-modified", "foo")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "max-age=0, stale-while-revalidate=5")], None),
        (&[("cache-control", "max-age=0, stale-if-error=5")], None),
        (&[("cache-control", "max-age=0, stale-if-error=5, must-revalidate")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "max-age=10"), ("age", "10")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "max-age=10"), ("age", "9")], None),
        (&[("expires", "0")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "no-cache")], Some(NotStored::NoLifetime)),
        (&[("cache-control", "no-cache=\"a\", max-age=9")], None),
        (&[("cache-control", "no-cache"), ETAG], None),
    ] {
        assert_eq!(refusal(lines), expected, "{lines:?}");
    }
    assert_eq!(judged(&rules(0), ANONYMOUS, 200, &[]), Err(NotStored::NoLifetime));
}

/// RFC 9111 §5.2.2.2, §5.2.2.4, §5.2.2.8, §5.2.2.10.
#[test]
fn flags_say_what_must_be_validated() {
    // (Cache-Control, no_cache, must_revalidate)
    for (cache_control, no_cache, must_revalidate) in [
        ("max-age=9", false, false),
        ("max-age=9, must-revalidate", false, true),
        ("max-age=9, proxy-revalidate", false, true),
        ("s-maxage=9", false, true),
        ("no-cache", true, true),
        ("no-cache=\"x-a\"", false, false),
    ] {
        let lines = &[("cache-control", cache_control), ("etag", "\"a\"")];
        let flags = judged(&rules(60), ANONYMOUS, 200, lines).unwrap().flags;
        assert_eq!((flags.no_cache, flags.must_revalidate), (no_cache, must_revalidate), "{cache_control}");
        assert!(!flags.own_etag);
    }
}

/// RFC 9111 §5.2.1.5, if the policy lets requests decide.
#[test]
fn a_request_may_forbid_to_store_if_the_policy_lets_it() {
    let request = fields(&[("cache-control", "no-store")]);
    for (follow_request, expected) in [(false, None), (true, Some(NotStored::Request))] {
        let rules = StoreRules { honor_request: follow_request, ..rules(60) };
        let found = storable(
            &rules,
            ANONYMOUS,
            &request,
            StatusCode::OK,
            &HeaderMap::new(),
            &LifetimeOverride::default(),
            NOVEMBER,
            NOVEMBER,
        );
        assert_eq!(found.err(), expected);
    }
}

/// An override sets a lifetime. It does not permit storing if a field forbids it.
#[test]
fn an_override_gives_a_lifetime_and_nothing_else() {
    let said = LifetimeOverride { fresh: Some(secs(7)), ..LifetimeOverride::default() };
    let judge = |lines: &[(&'static str, &str)]| {
        storable(
            &rules(0),
            ANONYMOUS,
            &HeaderMap::new(),
            StatusCode::OK,
            &fields(lines),
            &said,
            NOVEMBER,
            NOVEMBER.saturating_add(secs(2)),
        )
    };
    let stored = judge(&[("cache-control", "max-age=0")]).unwrap();
    assert_eq!(stored.lifetime.fresh, secs(7));
    assert_eq!(stored.initial_age, secs(2));
    assert_eq!(judge(&[("cache-control", "no-store")]), Err(NotStored::NoStore));
}
