use http::HeaderName;

use super::*;
use crate::http::testing::{fields, secs};

fn response(lines: &[&str]) -> ResponseDirectives {
    let lines: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
    ResponseDirectives::parse(&fields(&lines))
}

fn request(line: &str) -> RequestDirectives {
    RequestDirectives::parse(&fields(&[("cache-control", line)]))
}

fn names(names: &[&'static str]) -> Qualified {
    Qualified::Fields(names.iter().map(|name| HeaderName::from_static(name)).collect())
}

/// RFC 9111 §5.2.2, RFC 5861 §3 and §4, RFC 8246 §2; §5.2: names are "compared case-insensitively".
#[test]
fn every_directive_is_known() {
    type Set = fn(&mut ResponseDirectives);
    let table: &[(&str, Set)] = &[
        ("no-store", |to| to.no_store = true),
        ("no-cache", |to| to.no_cache = Qualified::Whole),
        ("private", |to| to.private = Qualified::Whole),
        ("public", |to| to.public = true),
        ("must-revalidate", |to| to.must_revalidate = true),
        ("proxy-revalidate", |to| to.proxy_revalidate = true),
        ("must-understand", |to| to.must_understand = true),
        ("immutable", |to| to.immutable = true),
        ("max-age=60", |to| to.max_age = Some(secs(60))),
        ("s-maxage=60", |to| to.s_maxage = Some(secs(60))),
        ("stale-while-revalidate=60", |to| {
            to.stale_while_revalidate = Some(secs(60));
        }),
        ("stale-if-error=60", |to| to.stale_if_error = Some(secs(60))),
        ("", |_| {}),
        ("no-transform, foo, bar=1, max-agee=1, max_age=1, , ,", |_| {}),
    ];
    for (line, set) in table {
        let mut expected = ResponseDirectives::default();
        set(&mut expected);
        assert_eq!(response(&[line]), expected, "{line}");
        assert_eq!(response(&[&line.to_ascii_uppercase()]), expected, "{line}");
    }
}

/// RFC 9111 §1.2.2, §5.2 (both forms of an argument) and §4.2.1 (invalid freshness information).
#[test]
fn lifetimes_are_read_in_both_forms_and_are_zero_when_invalid() {
    const MAX_SECONDS: u64 = 1 << 31;
    for (argument, expected) in [
        ("3600", 3600),
        ("\"3600\"", 3600),
        ("003600", 3600),
        ("0", 0),
        ("2147483648", MAX_SECONDS),
        ("2147483649", MAX_SECONDS),
        ("99999999999", MAX_SECONDS),
        ("999999999999999999999999999999", MAX_SECONDS),
        ("", 0),
        ("\"\"", 0),
        ("\"3600", 0),
        ("'3600'", 0),
        ("3600.0", 0),
        ("-3600", 0),
        ("+3600", 0),
        ("a3600", 0),
        ("3600a", 0),
        ("36 00", 0),
        (" 3600", 0),
        ("3600=", 0),
    ] {
        let line = format!("max-age={argument}");
        assert_eq!(response(&[&line]).max_age, Some(secs(expected)), "{line}");
    }
    assert_eq!(response(&["max-age"]).max_age, Some(secs(0)));
    assert_eq!(response(&["max-age =3600"]).max_age, Some(secs(0)));
}

/// RFC 9111 §4.2.1: of several values, either the first one counts or the response is stale.
#[test]
fn values_that_differ_leave_no_lifetime_and_equal_ones_do() {
    for (lines, expected) in [
        (&["max-age=60, max-age=60"][..], 60),
        (&["max-age=60", "max-age=\"060\""], 60),
        (&["max-age=1800, max-age=1"], 0),
        (&["max-age=1", "max-age=1800"], 0),
        (&["max-age=60, max-age=1, max-age=60"], 0),
        (&["max-age=60, max-age"], 0),
    ] {
        assert_eq!(response(lines).max_age, Some(secs(expected)), "{lines:?}");
    }
}

/// RFC 9111 §5.2: commas and names inside a quoted-string argument mean nothing.
#[test]
fn text_in_a_quoted_string_is_not_a_directive() {
    for line in [
        r#"extension="max-age=3600, no-store", max-age=1"#,
        r#"max-age=1, extension="max-age=3600""#,
        r#"max-age=1, extension="a\", max-age=3600""#,
    ] {
        let parsed = response(&[line]);
        assert_eq!((parsed.max_age, parsed.no_store), (Some(secs(1)), false), "{line}");
    }
    // A quoted string that is never closed hides nothing.
    assert!(response(&[r#"extension="a, no-store"#]).no_store);
}

/// RFC 9111 §5.2.2.4, §5.2.2.7: the qualified forms.
#[test]
fn a_qualified_directive_names_fields_and_the_unqualified_one_outweighs_it() {
    for (lines, expected) in [
        (&[r#"private="set-cookie""#][..], names(&["set-cookie"])),
        (&[r#"private="Set-Cookie , X-A""#], names(&["set-cookie", "x-a"])),
        (&["private=set-cookie"], names(&["set-cookie"])),
        (&[r#"private="a""#, r#"private="b""#], names(&["a", "b"])),
        (&[r#"private="a", private"#], Qualified::Whole),
        (&[r#"private, private="a""#], Qualified::Whole),
        (&[r#"private="""#], Qualified::Whole),
        (&["private="], Qualified::Whole),
        (&[r#"private="a b""#], Qualified::Whole),
        (&[r#"private ="a""#], Qualified::Whole),
        (&[r#"private="a"#], Qualified::Whole),
        (&["public"], Qualified::Absent),
    ] {
        assert_eq!(response(lines).private, expected, "{lines:?}");
        let no_cache: Vec<_> = lines.iter().map(|line| line.replace("private", "no-cache")).collect();
        let no_cache: Vec<_> = no_cache.iter().map(String::as_str).collect();
        assert_eq!(response(&no_cache).no_cache, expected, "{no_cache:?}");
    }
}

#[test]
fn a_senseless_argument_leaves_restrictions_standing_and_permissions_not() {
    let parsed =
        response(&["no-store=1, must-revalidate=x, proxy-revalidate=\"\", public=1, must-understand=1"]);
    let expected = ResponseDirectives {
        no_store: true,
        must_revalidate: true,
        proxy_revalidate: true,
        ..ResponseDirectives::default()
    };
    assert_eq!(parsed, expected);
}

/// RFC 9111 §5.2.1.
#[test]
fn the_directives_of_requests() {
    type Set = fn(&mut RequestDirectives);
    let table: &[(&str, Set)] = &[
        ("no-store", |to| to.no_store = true),
        ("No-Cache", |to| to.no_cache = true),
        ("only-if-cached", |to| to.only_if_cached = true),
        ("max-age=5, max-age=3", |to| to.max_age = Some(secs(3))),
        ("min-fresh=5, min-fresh=3", |to| to.min_fresh = Some(secs(5))),
        ("max-stale", |to| to.max_stale = Some(MaxStale::Any)),
        ("max-stale=9, max-stale, max-stale=7", |to| {
            to.max_stale = Some(MaxStale::Within(secs(7)));
        }),
        ("max-age=x, min-fresh, max-stale=x, max-stale= 1, foo", |_| {}),
    ];
    for (line, set) in table {
        let mut expected = RequestDirectives::default();
        set(&mut expected);
        assert_eq!(request(line), expected, "{line}");
    }
}

/// RFC 9111 §5.4; RFC 7234 §5.4: "When the Cache-Control header field is not present in a request".
#[test]
fn pragma_counts_only_in_requests_without_cache_control() {
    for (lines, expected) in [
        (&[("pragma", "no-cache")][..], true),
        (&[("pragma", "foo"), ("pragma", "bar, No-Cache")], true),
        (&[("pragma", "unrecognised-extension")], false),
        (&[("pragma", "no-cache"), ("cache-control", "max-age=5")], false),
    ] {
        assert_eq!(RequestDirectives::parse(&fields(lines)).no_cache, expected, "{lines:?}");
    }
    let response = ResponseDirectives::parse(&fields(&[("pragma", "no-cache")]));
    assert_eq!(response, ResponseDirectives::default());
}
