use super::*;
use crate::http::testing::{NOVEMBER, fields, secs};

const ALL: DownstreamRules =
    DownstreamRules { browser: Some(secs(60)), cdn: Some(secs(600)), surrogate: Some(secs(300)) };
const BROWSER: DownstreamRules = DownstreamRules { browser: Some(secs(60)), cdn: None, surrogate: None };
const NOTHING: DownstreamRules = DownstreamRules { browser: None, cdn: None, surrogate: None };
const HOUR: Lifetime = Lifetime { fresh: secs(3600), while_revalidate: secs(0), if_error: secs(0) };

fn aged(age: u64, lifetime: Lifetime) -> ServedAge {
    ServedAge { stated: secs(age), age: secs(age), lifetime, response_time: NOVEMBER }
}

fn set(rules: DownstreamRules, served: ServedAge, lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = fields(lines);
    set_lifetimes(&mut headers, &rules, &served);
    headers
}

/// RFC 9111 §4.2: what a recipient may use is `max-age` less `Age`.
#[test]
fn a_max_age_is_the_age_and_the_time_within_what_is_left() {
    let windows = |fresh, while_revalidate, if_error| Lifetime {
        fresh: secs(fresh),
        while_revalidate: secs(while_revalidate),
        if_error: secs(if_error),
    };
    for (age, lifetime, browser, cdn, surrogate) in [
        (0, HOUR, 60, 600, 300),
        (1800, HOUR, 1860, 2400, 2100),
        (3500, HOUR, 3560, 3600, 3600),
        (3599, HOUR, 3600, 3600, 3600),
        // The longer window counts as long as the response is fresh, and nothing does after that.
        (90, windows(100, 30, 0), 130, 130, 130),
        (90, windows(100, 30, 200), 150, 300, 300),
        (100, windows(100, 30, 200), 0, 0, 0),
        (3601, HOUR, 0, 0, 0),
        (0, windows(0, 0, 0), 0, 0, 0),
        (0, windows(10, 0, 0), 10, 10, 10),
    ] {
        let expected = fields(&[
            ("cache-control", &format!("max-age={browser}")),
            ("cdn-cache-control", &format!("max-age={cdn}")),
            ("surrogate-control", &format!("max-age={surrogate}")),
        ]);
        assert_eq!(set(ALL, aged(age, lifetime), &[]), expected, "{age} of {lifetime:?}");
    }
}

/// On a miss, the age includes the time that the handler took. No field states it.
#[test]
fn the_stated_age_is_added_and_the_whole_age_counts() {
    let served = ServedAge { stated: secs(2), ..aged(10, Lifetime { fresh: secs(30), ..HOUR }) };
    assert_eq!(set(BROWSER, served, &[]), fields(&[("cache-control", "max-age=22")]));
    let served = ServedAge { stated: secs(0), ..served };
    assert_eq!(set(BROWSER, served, &[]), fields(&[("cache-control", "max-age=20")]));
}

#[test]
fn the_handler_may_state_less_and_all_other_directives_stay() {
    for (rules, lines, expected) in [
        (BROWSER, &["max-age=5"][..], "max-age=105"),
        (BROWSER, &["max-age=500"], "max-age=160"),
        (NOTHING, &["max-age=500"], "max-age=600"),
        (BROWSER, &["max-age=0"], "max-age=0"),
        (BROWSER, &["max-age=x"], "max-age=0"),
        (BROWSER, &["public, Max-Age=5", "immutable"], "max-age=105, public, immutable"),
        (BROWSER, &["private, no-transform"], "max-age=160, private, no-transform"),
        (BROWSER, &["no-cache"], "max-age=160, no-cache"),
        (BROWSER, &["must-revalidate, ext=\"a, b\""], "max-age=160, must-revalidate, ext=\"a, b\""),
        (BROWSER, &["ext=\"a, b"], "max-age=160, ext=\"a, b"),
        (BROWSER, &["no-store"], "no-store"),
        (BROWSER, &["must-understand, no-store"], "max-age=160, must-understand, no-store"),
        (NOTHING, &["public"], "public"),
        (NOTHING, &["s-maxage=900, public"], "s-maxage=900, public"),
        (BROWSER, &["s-maxage=9000"], "max-age=160, s-maxage=3600"),
        (BROWSER, &["stale-while-revalidate=30"], "max-age=160, stale-while-revalidate=30"),
        (NOTHING, &["stale-if-error=9000"], "stale-if-error=3500"),
        (BROWSER, &["stale-if-error=9000"], "max-age=160, stale-if-error=3440"),
    ] {
        let lines: Vec<_> = lines.iter().map(|line| ("cache-control", *line)).collect();
        assert_eq!(set(rules, aged(100, HOUR), &lines), fields(&[("cache-control", expected)]), "{lines:?}");
    }
    let stale = set(BROWSER, aged(3600, HOUR), &[("cache-control", "max-age=5, stale-if-error=9")]);
    assert_eq!(stale, fields(&[("cache-control", "max-age=0, stale-if-error=0")]));
}

/// RFC 9111 §5.3.
#[test]
fn expires_is_a_max_age() {
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (expires, expected) in [
        ("Sun, 06 Nov 1994 08:49:47 GMT", "max-age=110"),
        ("Sun, 06 Nov 1994 09:49:37 GMT", "max-age=160"),
        ("0", "max-age=0"),
    ] {
        for date in [&[][..], &[DATE]] {
            let lines = [&[("expires", expires)], date].concat();
            let expected = [&[("cache-control", expected)], date].concat();
            assert_eq!(set(BROWSER, aged(100, HOUR), &lines), fields(&expected), "{expires}");
        }
    }
}

/// RFC 9213 §2.2: a CDN ignores `Cache-Control` if it finds its own field.
#[test]
fn a_cdn_gets_no_lifetime_that_cache_control_forbids() {
    let cdn = DownstreamRules { cdn: Some(secs(600)), ..NOTHING };
    for (cache_control, expected) in [
        ("public", Some("max-age=700")),
        ("must-revalidate", Some("max-age=700, must-revalidate")),
        ("proxy-revalidate", Some("max-age=700, must-revalidate")),
        ("private", None),
        ("private=\"x-a\"", None),
        ("no-cache", None),
        ("no-store", None),
        ("must-understand, no-store", None),
    ] {
        let found = set(cdn, aged(100, HOUR), &[("cache-control", cache_control)]);
        let found = found.get("cdn-cache-control").map(|value| value.to_str().unwrap());
        assert_eq!(found, expected, "{cache_control}");
    }
    let shared = set(cdn, aged(100, HOUR), &[("cache-control", "s-maxage=300")]);
    assert_eq!(shared.get("cdn-cache-control").unwrap(), "max-age=300");
}

#[test]
fn a_field_of_the_handler_for_cdns_stays() {
    let own = [("cdn-cache-control", "max-age=7"), ("surrogate-control", "content=\"ESI/1.0\"")];
    let expected = [&own[..], &[("cache-control", "max-age=160")]].concat();
    assert_eq!(set(ALL, aged(100, HOUR), &own), fields(&expected));
}
