//! The view of operators on stored responses: listings and single keys.

use std::collections::HashSet;

use axum::Router;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use axum::routing::get;
use http::{HeaderName, Method, StatusCode, header};
use larder::inspect::{KeyInspection, ListPage, Listing, StoredFilter, StoredInfo, StoredState};
use larder::{Cache, Invalidation, Policy, Tag, Tags};
use larder_testing::{Answer, Origin};
use larder_tests::http::Site;

use crate::support::{cache, hourly, secs, site};

async fn list(cache: &Cache, filter: StoredFilter) -> Listing<StoredInfo> {
    cache.stored_responses(&filter, ListPage::default()).await
}

/// Returns the only response that is stored.
async fn only(cache: &Cache) -> StoredInfo {
    let mut listing = list(cache, StoredFilter::default()).await;
    assert_eq!((listing.entries.len(), listing.matched, listing.next), (1, 1, None));
    listing.entries.remove(0)
}

/// Returns the keys of all responses that the filter shows, in order.
async fn keys(cache: &Cache, filter: StoredFilter) -> Vec<String> {
    let mut keys: Vec<_> = list(cache, filter).await.entries.into_iter().map(|entry| entry.key).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn a_stored_response_is_described() {
    let (cache, clock) = cache();
    let handler = async || ([("vary", "accept-language")], Tags::from("winter"), "a page of 21 bytes.\r\n");
    let layer = cache.layer(hourly().tag("page:{id}").query_only(["q"]));
    let site = Site::of(Router::new().route("/pages/{id}", get(handler).layer(layer))).await;
    let ask = site.ask(Method::GET, "/pages/7?q=1&utm=2").with("host", "Shop.Example");
    ask.with("accept-language", "de, en").send().await;
    clock.advance(secs(600));
    let info = only(&cache).await;
    assert_eq!(info.key, "u|http|shop.example|/pages/7|?q=1");
    assert_eq!((&*info.path, info.status, info.state), ("/pages/7", StatusCode::OK, StoredState::Fresh));
    assert_eq!((info.age, info.remaining), (secs(600), secs(3_000)));
    assert_eq!(info.tags, [Tag::new("page:7"), Tag::new("winter")]);
    assert_eq!(info.body_bytes, 21);
    assert!(info.stored_bytes > 200 && info.stored_bytes < 4_096, "{}", info.stored_bytes);
    assert!(info.uris.contains(&"//shop.example/pages/7?q=1&utm=2".to_owned()), "{:?}", info.uris);
    let variant: Vec<_> =
        info.variant.iter().map(|field| (field.name.as_str(), field.value.as_deref())).collect();
    assert_eq!(variant, [("accept-language", Some("de,en"))]);
    assert!(info.position.ends_with("/0-0"), "{}", info.position);
    assert!(!info.is_partial);
}

#[tokio::test]
async fn the_state_follows_the_lifetime_and_the_invalidations() {
    let cases: [(&str, Option<Invalidation>, u64, StoredState); 5] = [
        ("nothing happens", None, 3_599, StoredState::Fresh),
        ("its lifetime ends", None, 3_600, StoredState::Stale),
        ("a soft invalidation", Some(Invalidation::tag("t").soft()), 0, StoredState::SoftlyInvalidated),
        ("a hard invalidation", Some(Invalidation::tag("t")), 0, StoredState::Invalidated),
        ("an invalidation of others", Some(Invalidation::tag("u")), 0, StoredState::Fresh),
    ];
    for (name, what, time, expected) in cases {
        let (cache, clock) = cache();
        site(&cache, hourly().tag("t"), &Origin::always(Answer::ok("page"))).await.get("/a").await;
        if let Some(what) = what {
            let _ = cache.invalidate(what).await;
        }
        clock.advance(secs(time));
        assert_eq!(only(&cache).await.state, expected, "{name}");
    }
}

#[tokio::test]
async fn a_filter_shows_what_meets_its_conditions() {
    let (cache, _) = cache();
    let layer = cache.layer(hourly().tag("page:{id}").tag("all"));
    let page = get(async |Path(id): Path<u64>| id.to_string()).layer(layer);
    let router = Router::new().route("/pages/{id}", page.clone()).route("/pagers/{id}", page);
    let site = Site::of(router).await;
    for path in ["/pages/1", "/pages/2", "/pages/1?x", "/pagers/1"] {
        site.ask(Method::GET, path).with("host", "h").send().await;
    }
    let filter = StoredFilter::default;
    let all =
        ["u|http|h|/pagers/1", "u|http|h|/pages/1", "u|http|h|/pages/1|?x", "u|http|h|/pages/2"].as_slice();
    assert_eq!(keys(&cache, filter()).await, all);
    assert_eq!(keys(&cache, filter().path_prefix("/page")).await, all);
    assert_eq!(keys(&cache, filter().path_prefix("/pages")).await, all[1..]);
    assert_eq!(keys(&cache, filter().tag("page:1")).await, all[..3]);
    assert_eq!(keys(&cache, filter().key_contains("?x")).await, all[2..3]);
    assert_eq!(
        keys(&cache, filter().tag("page:1").path_prefix("/pages/").key_contains("1")).await,
        all[1..3]
    );
    assert!(keys(&cache, filter().tag("page")).await.is_empty());
}

#[tokio::test]
async fn the_pages_show_each_response_once_while_others_come_and_go() {
    let (cache, _) = cache();
    let site = site(&cache, hourly(), &Origin::always(Answer::ok("page"))).await;
    for n in 0..60 {
        site.get(&format!("/stays/{n}")).await;
    }
    let (mut seen, mut page, mut new) = (Vec::new(), ListPage::default().limit(7), 0);
    loop {
        let filter = StoredFilter::default().path_prefix("/stays");
        let listing = cache.stored_responses(&filter, page).await;
        assert!(listing.entries.len() <= 7 && listing.matched == 60, "{listing:?}");
        seen.extend(listing.entries.into_iter().map(|entry| entry.key));
        // Others come between two pages.
        for _ in 0..10 {
            new += 1;
            site.get(&format!("/comes/{new}")).await;
        }
        let Some(next) = listing.next else { break };
        page = page.after(next);
    }
    assert_eq!(seen.len(), 60);
    assert_eq!(seen.into_iter().collect::<HashSet<_>>().len(), 60);
    assert_eq!(list(&cache, StoredFilter::default()).await.entries.len(), 100, "a page is bounded");
}

/// A listing is no use of a response, and no request sees it.
#[tokio::test]
async fn a_listing_changes_nothing() {
    let (cache, _) = cache();
    let site = site(&cache, hourly().tag("t"), &Origin::always(Answer::ok("page"))).await;
    site.get("/a").await;
    let (before, token) = (format!("{:?}", cache.stats()), cache.token().to_string());
    list(&cache, StoredFilter::default()).await;
    cache.inspect("u|http|h|/a").await;
    cache.preview(Tag::new("t")).await;
    assert_eq!((format!("{:?}", cache.stats()), cache.token().to_string()), (before, token));
    assert_eq!(site.get("/a").await.x_cache(), "HIT");
}

const SECRET: &str = "SECRET-0123456789";

/// Every place at which a policy or a response can take a credential from a request.
async fn site_with_secrets(cache: &Cache) -> Site {
    let user = |parts: &http::request::Parts| {
        Some(parts.headers.get("x-user").and_then(|value| value.to_str().ok())?.to_owned())
    };
    let by_field =
        hourly().key_header(HeaderName::from_static("x-session")).key_header(header::AUTHORIZATION);
    let policies: [(&str, Policy); 5] = [
        ("/cookie", hourly().key_cookie("session")),
        ("/user", hourly().per_user(user)),
        ("/tenant", hourly().partition(user).ignore_cookies().share_authorized()),
        ("/field", by_field.share_authorized().ignore_cookies()),
        ("/query", hourly().ignore_cookies()),
    ];
    let mut router = Router::new();
    for (path, policy) in policies {
        router = router.route(path, get(async || "page").layer(cache.layer(policy)));
    }
    let vary = async || ([("vary", "cookie, x-session, x-key, accept-language")], "page");
    let varying = hourly().ignore_cookies().share_authorized();
    Site::of(router.route("/vary", get(vary).layer(cache.layer(varying)))).await
}

#[tokio::test]
async fn an_operator_sees_no_credential() {
    let cache = Cache::builder().credentials([HeaderName::from_static("accept-language")]).build();
    let site = site_with_secrets(&cache).await;
    let mut feed = cache.invalidations();
    let requests: [(&str, &[&str]); 6] = [
        ("/cookie", &["cookie"]),
        ("/user", &["x-user"]),
        ("/tenant", &["x-user"]),
        ("/field", &["x-session", "authorization"]),
        ("/query?access_token=SECRET-0123456789", &[]),
        ("/vary", &["cookie", "x-session", "x-key", "accept-language"]),
    ];
    for (path, fields) in requests {
        let mut ask = site.ask(Method::GET, path).with("host", "h");
        for field in fields {
            let value = if *field == "cookie" { format!("session={SECRET}") } else { SECRET.to_owned() };
            ask = ask.with(Box::leak((*field).into()), &value);
        }
        ask.send().await;
    }
    let listing = list(&cache, StoredFilter::default()).await;
    // The route that varies on a credential of the application is not stored.
    let stored: HashSet<_> = listing.entries.iter().map(|entry| entry.path.clone()).collect();
    for path in ["/cookie", "/user", "/tenant", "/field", "/query"] {
        assert!(stored.contains(path), "{path} is not stored: {stored:?}");
    }
    let mut shown = format!("{listing:?} {:?}", cache.preview(Invalidation::all()).await);
    for entry in &listing.entries {
        let found = cache.inspect(&entry.key).await;
        assert_eq!(found.responses.len(), 1, "{} finds its own entry", entry.key);
        assert_eq!(found.key, entry.key);
        shown.push_str(&format!("{found:?}"));
    }
    for secret in [SECRET, "k|cart|c|session=SECRET-0123456789", "k|cart|p|SECRET-0123456789"] {
        let _ = cache.invalidate(Invalidation::key(secret)).await;
        if secret != SECRET {
            shown.push_str(&format!("{:?}", feed.next().await));
        } else {
            feed.next().await;
        }
    }
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(shown.contains("c|session=^#") && shown.contains("|p|^#"), "{shown}");
    // A filter says nothing about a hidden value.
    assert!(keys(&cache, StoredFilter::default().key_contains("SECRET")).await.is_empty());
}

async fn inspect(cache: &Cache, key: &str) -> (KeyInspection, Vec<String>) {
    let found = cache.inspect(key).await;
    assert!(found.store.is_none() && found.values.is_empty());
    let variant = |info: &StoredInfo| info.variant.iter().filter_map(|field| field.value.clone()).collect();
    let mut variants: Vec<Vec<String>> = found.responses.iter().map(variant).collect();
    variants.sort();
    (found, variants.concat())
}

#[tokio::test]
async fn a_key_is_inspected_with_all_its_variants() {
    let (cache, _) = cache();
    let handler = async |Path(id): Path<u64>| ([("vary", "accept-language")], id.to_string());
    let layer = cache.layer(hourly().key("user:{id}"));
    let site = Site::of(Router::new().route("/users/{id}", get(handler).layer(layer))).await;
    for (id, language) in [(1, "en"), (1, "de"), (2, "fr")] {
        let path = format!("/users/{id}");
        site.ask(Method::GET, &path).with("accept-language", language).send().await;
    }
    for key in ["k|user:1", "user:1"] {
        let (found, variants) = inspect(&cache, key).await;
        assert_eq!((&*found.key, variants.join(" ")), ("k|user:1", "de en".to_owned()));
        assert_eq!(found.vary, [header::ACCEPT_LANGUAGE]);
        assert_eq!(found.hit_for_miss, None);
    }
    let (nothing, variants) = inspect(&cache, "k|user:3").await;
    assert!(nothing.responses.is_empty() && variants.is_empty() && nothing.vary.is_empty());
}

#[tokio::test]
async fn a_key_that_cannot_be_stored_says_so_for_a_while() {
    let (cache, clock) = cache();
    let handler = async || ([("cache-control", "no-store")], "page").into_response();
    let layer = cache.layer(hourly().key("page"));
    let site = Site::of(Router::new().route("/", get(handler).layer(layer))).await;
    site.get("/").await;
    clock.advance(secs(4));
    let (found, _) = inspect(&cache, "k|page").await;
    assert_eq!((found.responses.len(), found.hit_for_miss), (0, Some(secs(6))));
    clock.advance(secs(6));
    assert_eq!(inspect(&cache, "k|page").await.0.hit_for_miss, None);
}
