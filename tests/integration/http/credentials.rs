//! Two users, two hosts, cookies and `Authorization`.

use http::Method;
use larder::Policy;
use larder_testing::{Answer, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{cache, hourly, site};

/// Returns an origin that repeats the credentials of the request, with this `Cache-Control`.
fn telling(control: &'static str) -> Origin {
    Origin::new(move |request, _| {
        let field =
            |name| request.headers.get(name).map_or("-", |value: &http::HeaderValue| value.to_str().unwrap());
        let answer = Answer::ok(format!("{} {}", field("authorization"), field("cookie")));
        if control.is_empty() { answer } else { answer.header("cache-control", control) }
    })
}

async fn with(site: &Site, fields: &[(&'static str, &str)]) -> Page {
    let ask = site.ask(Method::GET, "/a");
    fields.iter().fold(ask, |ask, (name, value)| ask.with(name, value)).send().await
}

/// RFC 9111 §3.5.
#[tokio::test]
async fn a_response_to_credentials_is_not_for_others() {
    for (name, reason) in [("authorization", "authorization"), ("cookie", "cookie")] {
        let (cache, _) = cache();
        let origin = telling("max-age=60");
        let site = site(&cache, hourly(), &origin).await;
        let ann = with(&site, &[(name, "ann=1")]).await;
        assert!(ann.text().contains("ann=1"));
        assert_eq!(ann.x_cache(), "BYPASS");
        assert_eq!(
            ann.cache_status(),
            format!("Larder; fwd=bypass; fwd-status=200; detail=\"{reason}, not stored: {reason}\"")
        );
        assert!(with(&site, &[(name, "bob=1")]).await.text().contains("bob=1"));
        let anonymous = with(&site, &[]).await;
        assert_eq!(anonymous.summary(), ("MISS".into(), "- -".into()), "{name}");
        // Responses to requests without credentials are not for Ann either: she may get her own.
        let ann = with(&site, &[(name, "ann=1")]).await;
        assert_eq!(ann.x_cache(), "BYPASS", "{name}");
        assert!(ann.text().contains("ann=1"));
        assert!(with(&site, &[]).await.is("HIT", "- -"));
        assert_eq!(origin.calls(), 4);
    }
}

/// RFC 9111 §3.5: "must-revalidate […], public […], and s-maxage".
#[tokio::test]
async fn a_response_that_says_so_is_for_all() {
    for (control, authorization, cookie) in [
        ("public", "HIT", "HIT"),
        ("s-maxage=60", "HIT", "HIT"),
        ("must-revalidate, max-age=60", "HIT", "BYPASS"),
        ("max-age=60", "BYPASS", "BYPASS"),
        ("public, no-store", "BYPASS", "BYPASS"),
        ("public, private", "BYPASS", "BYPASS"),
    ] {
        for (name, expected) in [("authorization", authorization), ("cookie", cookie)] {
            let (cache, _) = cache();
            let site = site(&cache, hourly(), &telling(control)).await;
            assert_eq!(with(&site, &[(name, "a=1")]).await.x_cache(), "BYPASS", "{control} {name}");
            assert_eq!(with(&site, &[(name, "b=1")]).await.x_cache(), expected, "{control} {name}");
        }
    }
}

#[tokio::test]
async fn cookies_count_as_the_policy_declares_them() {
    type With = fn(Policy) -> Policy;
    let cases: [(&str, With, &[(&str, &str)]); 5] = [
        ("nothing", |policy| policy, &[("a=1", "BYPASS"), ("a=1", "BYPASS"), ("", "MISS"), ("", "HIT")]),
        (
            "ignored",
            |policy| policy.ignore_cookie("a"),
            &[("a=1", "MISS"), ("a=2", "HIT"), ("", "HIT"), ("a=1; b=2", "BYPASS"), ("b=2", "BYPASS")],
        ),
        (
            "keyed",
            |policy| policy.key_cookie("theme"),
            &[
                ("theme=dark", "MISS"),
                ("theme=light", "MISS"),
                ("theme=dark", "HIT"),
                ("", "MISS"),
                ("theme=", "MISS"),
                ("", "HIT"),
                ("theme=dark; session=1", "BYPASS"),
                ("Theme=dark", "BYPASS"),
            ],
        ),
        (
            "keyed and the rest ignored",
            |policy| policy.key_cookie("theme").ignore_cookies(),
            &[("theme=dark", "MISS"), ("x=1; theme=dark", "HIT"), ("x=1", "MISS"), ("y=1", "HIT")],
        ),
        ("no cookie at all", |policy| policy, &[("", "MISS"), ("", "HIT")]),
    ];
    for (name, policy, requests) in cases {
        let (cache, _) = cache();
        let site = site(&cache, policy(hourly()), &telling("")).await;
        for (cookie, expected) in requests {
            let fields = [("cookie", *cookie)];
            let page = with(&site, if cookie.is_empty() { &[] } else { &fields }).await;
            assert_eq!(page.x_cache(), *expected, "{name}: {cookie:?}");
        }
    }
}

/// Several lines of a keyed cookie, and one name in different places.
#[tokio::test]
async fn cookies_in_several_lines_do_not_trade_places() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| {
        let lines: Vec<_> =
            request.headers.get_all("cookie").iter().map(|line| line.to_str().unwrap()).collect();
        Answer::ok(lines.join("/"))
    });
    let site = site(&cache, hourly().key_cookie("a").key_cookie("b"), &origin).await;
    let mut seen = std::collections::BTreeMap::new();
    for lines in
        [&["a=1; b=2"][..], &["a=2; b=1"], &["b=1"], &["a=1"], &["a=1; a=2"], &["a=2; a=1"], &["a=; b=1b=2"]]
    {
        let ask = lines.iter().fold(site.ask(Method::GET, "/a"), |ask, line| ask.with("cookie", line));
        let page = ask.send().await;
        if page.x_cache() == "MISS" {
            assert_eq!(seen.insert(page.text(), lines), None);
        }
        assert_eq!(page.text(), lines.join("/"), "{lines:?}");
    }
}

#[tokio::test]
async fn two_hosts_and_two_ports_share_nothing() {
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| Answer::ok(request.headers["host"].to_str().unwrap().to_owned()));
    let site = site(&cache, hourly(), &origin).await;
    let hosts =
        ["a.example", "b.example", "a.example:8080", "a.example.", "xn--a.example", "[::1]", "[::1]:8080"];
    for x_cache in ["MISS", "HIT"] {
        for host in hosts {
            let page = site.ask(Method::GET, "/a").with("host", host).send().await;
            assert_eq!(page.summary(), (x_cache.into(), host.into()));
        }
    }
    // RFC 9110 §4.2.3: case and the default port make no difference.
    for host in ["A.Example", "a.example:80"] {
        let page = site.ask(Method::GET, "/a").with("host", host).send().await;
        assert_eq!(page.summary(), ("HIT".into(), "a.example".into()), "{host}");
    }
}

/// Users are distinguished by a value of the request. Requests without it bypass the cache.
#[tokio::test]
async fn users_are_kept_apart_whatever_their_names() {
    let (cache, _) = cache();
    let origin = telling("");
    let policy = hourly().per_user(|parts| Some(parts.headers.get("authorization")?.to_str().ok()?.into()));
    let site = site(&cache, policy, &origin).await;
    let users = [
        "a",
        "b",
        "a|b",
        "a^b",
        "a b",
        "p|a",
        "^7C",
        "|",
        "{a}",
        "é".escape_unicode().to_string().leak(),
        "a|p|b",
    ];
    for x_cache in ["MISS", "HIT"] {
        for user in users {
            let page = with(&site, &[("authorization", user)]).await;
            assert_eq!(page.summary(), (x_cache.into(), format!("{user} -")));
        }
    }
    assert_eq!(with(&site, &[]).await.x_cache(), "BYPASS");
    assert_eq!(origin.calls(), users.len() + 1);
}

/// `partition` alone does not declare that users are distinguished.
#[tokio::test]
async fn a_partition_alone_lets_no_credentials_in() {
    let (cache, _) = cache();
    let origin = telling("");
    let policy = hourly().partition(|parts| Some(parts.headers.get("x-tenant")?.to_str().ok()?.into()));
    let site = site(&cache, policy, &origin).await;
    for x_cache in ["MISS", "HIT"] {
        for tenant in ["one", "two"] {
            assert_eq!(with(&site, &[("x-tenant", tenant)]).await.x_cache(), x_cache, "{tenant}");
        }
    }
    assert_eq!(with(&site, &[("x-tenant", "one"), ("authorization", "a")]).await.x_cache(), "BYPASS");
    assert_eq!(with(&site, &[("x-tenant", "one"), ("cookie", "a=b")]).await.x_cache(), "BYPASS");
}
