//! Credentials in fields of the application's choice (`CacheBuilder::credentials`).

use http::{HeaderName, Method};
use larder::{Cache, Policy};
use larder_testing::{Answer, CacheStatus, Origin};
use larder_tests::http::{Page, Site};

use crate::support::{hourly, site};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn cache() -> Cache {
    Cache::builder().credentials([API_KEY, http::header::COOKIE]).build()
}

/// Returns a site whose handler answers with the key of the client, and with this field.
async fn echoing(cache: &Cache, policy: Policy, cache_control: &'static str) -> Site {
    let origin = Origin::new(move |request, _| {
        let key = request.headers.get(API_KEY).map_or(&b""[..], |key| key.as_bytes());
        Answer::ok(key.to_vec()).header("cache-control", cache_control)
    });
    site(cache, policy, &origin).await
}

async fn get_with(site: &Site, key: &str) -> Page {
    site.ask(Method::GET, "/").with("x-api-key", key).send().await
}

fn detail(page: &Page) -> String {
    CacheStatus::from_headers(&page.headers).unwrap().detail().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_response_to_one_client_is_not_that_of_another() {
    let cache = cache();
    let site = echoing(&cache, hourly(), "max-age=60").await;
    for key in ["a", "b", "a"] {
        let page = get_with(&site, key).await;
        assert!(page.is("BYPASS", key), "{:?}", page.headers);
        assert_eq!(detail(&page), "credentials, not stored: credentials");
    }
    assert_eq!(cache.stats().not_stored.get("credentials"), Some(&3));
    assert!(site.get("/").await.is("MISS", ""));
    assert!(site.get("/").await.is("HIT", ""));
    assert!(get_with(&site, "a").await.is("BYPASS", "a"), "what is stored says nothing about sharing");
}

/// The rules of RFC 9111 §3.5, without `must-revalidate`, which is only about `Authorization`.
#[tokio::test]
async fn a_response_may_permit_sharing() {
    for (cache_control, is_shared) in
        [("public", true), ("s-maxage=60", true), ("max-age=60, must-revalidate", false)]
    {
        let site = echoing(&cache(), hourly(), cache_control).await;
        get_with(&site, "a").await;
        let expected = if is_shared { ("HIT", "a") } else { ("BYPASS", "b") };
        assert!(get_with(&site, "b").await.is(expected.0, expected.1), "{cache_control}");
    }
}

#[tokio::test]
async fn a_policy_declares_them() {
    let by_key = |parts: &http::request::Parts| {
        Some(parts.headers.get(API_KEY).map_or("none", |key| key.to_str().unwrap_or("?")).to_owned())
    };
    let per_client = [hourly().key_header(API_KEY), hourly().per_user(by_key)];
    for policy in per_client {
        let site = echoing(&cache(), policy, "max-age=60").await;
        for key in ["a", "b"] {
            assert!(get_with(&site, key).await.is("MISS", key));
            assert!(get_with(&site, key).await.is("HIT", key));
        }
    }
    let site = echoing(&cache(), hourly().share_authorized(), "max-age=60").await;
    get_with(&site, "a").await;
    assert!(get_with(&site, "b").await.is("HIT", "a"));
    // A partition is no declaration.
    let site = echoing(&cache(), hourly().partition(by_key), "max-age=60").await;
    assert!(get_with(&site, "a").await.is("BYPASS", "a"));
}

/// `Authorization` and cookies have their own rules, also if they are named.
#[tokio::test]
async fn other_fields_are_no_credentials() {
    let site = echoing(&cache(), hourly().ignore_cookies(), "max-age=60").await;
    site.get("/").await;
    for (name, value) in [("x-other", "a"), ("cookie", "a=b")] {
        assert!(site.ask(Method::GET, "/").with(name, value).send().await.is("HIT", ""), "{name}");
    }
    let site = echoing(&Cache::default(), hourly(), "max-age=60").await;
    get_with(&site, "a").await;
    assert!(get_with(&site, "b").await.is("HIT", "a"), "without the option it is a field like others");
}
