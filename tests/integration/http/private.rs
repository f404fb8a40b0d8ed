//! Responses of one user: stored for that user, and private for every cache downstream.

use std::sync::Arc;

use http::{Method, StatusCode};
use larder::Policy;
use larder_testing::{Answer, Gate, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{all, cache, hourly, secs, site, site_behind_door};

const ETAG: &str = "\"a\"";

fn per_user() -> Policy {
    hourly().per_user(|parts| Some(parts.headers.get("x-user")?.to_str().ok()?.to_owned()))
}

async fn ask(site: &Site, method: Method, fields: &[(&'static str, &str)]) -> Page {
    let request = site.ask(method, "/a").with("x-user", "ann");
    fields.iter().fold(request, |request, (name, value)| request.with(name, value)).send().await
}

async fn get_as(site: &Site, user: &str) -> Page {
    site.ask(Method::GET, "/a").with("x-user", user).send().await
}

/// Returns a page with this `Cache-Control`, if there is one.
fn page(cache_control: Option<&str>) -> Answer {
    let answer = Answer::ok("page").header("etag", ETAG);
    match cache_control {
        Some(value) => answer.header("cache-control", value),
        None => answer,
    }
}

/// RFC 9111 §5.2.2.7: "a private cache MAY store the response".
#[tokio::test]
async fn a_private_response_is_stored_for_its_user_alone() {
    for cache_control in ["private", "private, max-age=60", "max-age=60, Private", "private=\"a b\""] {
        let (cache, _) = cache();
        let origin = Origin::new(move |request, _| {
            let user = request.headers.get("x-user").map(|user| user.as_bytes().to_vec());
            Answer::ok(user.unwrap_or_default()).header("cache-control", cache_control)
        });
        let site = site(&cache, per_user(), &origin).await;
        for user in ["ann", "bob"] {
            assert!(get_as(&site, user).await.is("MISS", user), "{cache_control}");
            let again = get_as(&site, user).await;
            assert!(again.is("HIT", user), "{cache_control}");
            assert_eq!(again.field("cache-control"), cache_control);
        }
        assert_eq!(origin.calls(), 2);
    }
}

/// A tenant has many users, and a response to all users has none.
#[tokio::test]
async fn no_other_policy_stores_a_private_response() {
    let tenant = || hourly().partition(|_| Some("tenant".to_owned()));
    let replaced = || per_user().partition(|_| Some("tenant".to_owned()));
    for policy in [hourly(), tenant(), replaced(), Policy::rfc9111()] {
        let (cache, _) = cache();
        let origin = Origin::always(page(Some("private, max-age=60")));
        let site = site(&cache, policy, &origin).await;
        for _ in 0..2 {
            let page = get_as(&site, "ann").await;
            assert!(page.is("MISS", "page"), "{}", page.cache_status());
        }
        assert_eq!(cache.stats().stored, 0);
    }
}

/// The partition that replaces a user declares no credentials.
#[tokio::test]
async fn a_partition_that_replaces_the_user_shares_nothing_with_credentials() {
    for (name, value) in [("authorization", "Bearer a"), ("cookie", "session=a")] {
        let (cache, _) = cache();
        let origin = Origin::always(page(None));
        let user = site(&cache, per_user(), &origin).await;
        let tenant = site(&cache, per_user().partition(|_| Some("tenant".to_owned())), &origin).await;
        for (site, expected) in [(&user, ["MISS", "HIT"]), (&tenant, ["BYPASS", "BYPASS"])] {
            for x_cache in expected {
                assert_eq!(ask(site, Method::GET, &[(name, value)]).await.x_cache(), x_cache, "{name}");
            }
        }
    }
}

/// The `Cache-Control` of handlers, and what leaves.
const FIELDS: [(Option<&str>, &str); 9] = [
    (None, "private"),
    (Some("max-age=60"), "private, max-age=60"),
    (Some("s-maxage=60"), "private, s-maxage=60"),
    (Some("max-age=60, must-revalidate"), "private, max-age=60, must-revalidate"),
    (Some("no-cache=\"x-a\""), "private, no-cache=\"x-a\""),
    (Some("private"), "private"),
    // The handler's own word.
    (Some("public, max-age=60"), "public, max-age=60"),
    (Some("private=\"x-a\", max-age=60"), "private=\"x-a\", max-age=60"),
    (Some("no-store"), "no-store"),
];

#[tokio::test]
async fn what_leaves_is_private_unless_the_handler_says_more() {
    for (cache_control, expected) in FIELDS {
        let (cache, _) = cache();
        let origin = Origin::always(page(cache_control));
        let site = site(&cache, per_user(), &origin).await;
        let asked: [(Method, &[(&str, &str)], u16); 5] = [
            (Method::GET, &[], 200),
            (Method::GET, &[], 200),
            (Method::HEAD, &[], 200),
            (Method::GET, &[("if-none-match", ETAG)], 304),
            (Method::GET, &[("range", "bytes=0-1")], 206),
        ];
        for (number, (method, fields, status)) in asked.into_iter().enumerate() {
            let page = ask(&site, method, fields).await;
            assert_eq!(page.field("cache-control"), expected, "{cache_control:?} {fields:?}");
            if cache_control != Some("no-store") {
                assert_eq!((page.status.as_u16(), number > 0), (status, page.x_cache() == "HIT"));
            }
        }
    }
}

/// The fields of a 304 replace those of the stored response, here and downstream.
#[tokio::test]
async fn a_confirmed_or_stale_response_stays_private() {
    for (confirmed, expected) in [(None, "private, max-age=60"), (Some("max-age=30"), "private, max-age=30")]
    {
        let (cache, clock) = cache();
        let origin = Origin::new(move |request, call| match (request.headers.get("if-none-match"), call) {
            (Some(_), 2) => {
                let answer = Answer::status(StatusCode::NOT_MODIFIED).header("etag", ETAG);
                confirmed.map_or(answer.clone(), |value| answer.header("cache-control", value))
            }
            (_, 1) => page(Some("max-age=60")),
            _ => Answer::status(StatusCode::SERVICE_UNAVAILABLE),
        });
        let site = site(&cache, per_user().stale_if_error(secs(3600)), &origin).await;
        assert_eq!(get_as(&site, "ann").await.field("cache-control"), "private, max-age=60");
        clock.advance(secs(61));
        for x_cache in ["MISS", "HIT"] {
            let page = get_as(&site, "ann").await;
            assert_eq!((page.x_cache().as_str(), page.field("cache-control").as_str()), (x_cache, expected));
        }
        clock.advance(secs(61));
        let stale = get_as(&site, "ann").await;
        assert!(stale.is("STALE", "page"));
        assert_eq!(stale.field("cache-control"), expected);
    }
}

/// RFC 9111 §4.3.5: the fields of a response to HEAD replace those of the stored response.
#[tokio::test]
async fn a_response_that_head_updates_stays_private() {
    let (cache, clock) = cache();
    let origin = Origin::new(|request, _| {
        page(Some(if request.method == Method::HEAD { "max-age=30" } else { "max-age=60" }))
    });
    let policy = Policy::rfc9111().per_user(|_| Some("ann".to_owned()));
    let site = site(&cache, policy, &origin).await;
    assert_eq!(get_as(&site, "ann").await.field("cache-control"), "private, max-age=60");
    clock.advance(secs(61));
    for (method, x_cache) in [(Method::HEAD, "MISS"), (Method::HEAD, "HIT"), (Method::GET, "HIT")] {
        let page = ask(&site, method.clone(), &[]).await;
        let seen = (page.x_cache(), page.field("cache-control"));
        assert_eq!(seen, (x_cache.to_owned(), "private, max-age=30".to_owned()), "{method}");
    }
}

/// A 304 without `Cache-Control` leaves that of the client's copy as it is.
#[tokio::test]
async fn a_304_of_the_handler_gets_no_field_that_it_has_not() {
    for (cache_control, expected) in [(None, ""), (Some("max-age=5"), "private, max-age=5")] {
        let (cache, _) = cache();
        let answer = Answer::status(StatusCode::NOT_MODIFIED).header("etag", ETAG);
        let answer = cache_control.map_or(answer.clone(), |value| answer.header("cache-control", value));
        // A range keeps the conditions of the client in the request.
        let site = site(&cache, per_user(), &Origin::always(answer)).await;
        let page = ask(&site, Method::GET, &[("if-none-match", ETAG), ("range", "bytes=0-1")]).await;
        assert_eq!(page.status, StatusCode::NOT_MODIFIED);
        assert_eq!(page.field("cache-control"), expected);
    }
}

/// Followers have the same user as their leader.
#[tokio::test]
async fn followers_share_a_private_response_and_a_private_failure() {
    for (status, expected) in [(200, "private, max-age=60"), (503, "private")] {
        let (cache, _) = cache();
        let gate = Gate::new();
        let origin = Origin::new({
            let gate = gate.clone();
            move |_, _| match status {
                200 => page(Some("max-age=60")).held_at(&gate),
                _ => Answer::status(StatusCode::SERVICE_UNAVAILABLE)
                    .header("cache-control", "private")
                    .held_at(&gate),
            }
        });
        let (site, door) = site_behind_door(&cache, per_user(), &origin).await;
        let ask = |_| {
            let site = Arc::clone(&site);
            tokio::spawn(async move { get_as(&site, "ann").await })
        };
        let tasks = (0..10).map(ask).collect();
        door.came(10).await;
        gate.open();
        for page in all(tasks).await {
            assert_eq!((page.status.as_u16(), page.field("cache-control").as_str()), (status, expected));
        }
        assert_eq!(origin.calls(), 1);
    }
}

/// A cache that reads a targeted field ignores `Cache-Control` (RFC 9213 §2.2).
#[tokio::test]
async fn targeted_fields_are_private_too() {
    for (sent, expected) in [
        ("max-age=60", "private, max-age=60"),
        ("max-age=60, public", "max-age=60, public"),
        ("no-store", "no-store"),
        ("not valid=", "not valid="),
    ] {
        let (cache, _) = cache();
        let origin = Origin::always(page(None).header("cdn-cache-control", sent));
        let site = site(&cache, per_user(), &origin).await;
        for _ in 0..2 {
            let page = get_as(&site, "ann").await;
            assert_eq!(page.field("cdn-cache-control"), expected);
            assert_eq!(page.field("cache-control"), "private");
        }
    }
}

/// A response that bypasses the cache is of the same user. One to an unknown user is not.
#[tokio::test]
async fn a_bypass_is_private_unless_it_has_no_user() {
    let (cache, _) = cache();
    let site = site(&cache, per_user(), &Origin::always(page(None))).await;
    let bypassed = ask(&site, Method::GET, &[("if-match", ETAG)]).await;
    assert_eq!(
        (bypassed.x_cache().as_str(), bypassed.field("cache-control").as_str()),
        ("BYPASS", "private")
    );
    let anonymous = site.get("/a").await;
    assert_eq!((anonymous.x_cache().as_str(), anonymous.field("cache-control").as_str()), ("BYPASS", ""));
    assert_eq!(ask(&site, Method::POST, &[]).await.field("cache-control"), "");
}
