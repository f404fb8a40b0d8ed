//! The reach of an invalidation, before it is issued and after it.

use std::collections::BTreeSet;

use axum::Router;
use axum::extract::{Path, Query};
use axum::routing::get;
use http::Method;
use larder::inspect::{ListPage, StoredFilter, StoredState};
use larder::{Cache, Glob, Invalidation, PathName, Policy, Prefix, Tags, UriName};
use larder_tests::http::Site;

use crate::support::{cache, hourly};

const PATHS: [&str; 6] = ["/a", "/a/b", "/a/b/c", "/ab", "/b", "/b/c"];
const QUERIES: [&str; 4] = ["", "?q=1", "?q=1&utm=2", "?utm=3&q=2"];
const TAGS: [&str; 4] = ["t1", "t2", "t3", "t4"];

/// Fills the cache with some of the pages. Each has some of the tags.
async fn fill(cache: &Cache) {
    let handler = async |Path(_): Path<String>, Query(tags): Query<Vec<(String, String)>>| {
        let tags = tags.into_iter().filter(|(name, _)| name == "tag").map(|(_, tag)| tag);
        ([("vary", "accept-language")], tags.collect::<Tags>(), "page")
    };
    let layer = cache.layer(hourly().query_ignoring(["utm"]));
    let site = Site::of(Router::new().route("/{*path}", get(handler).layer(layer))).await;
    for path in PATHS {
        let (query, tag) = (fastrand::choice(QUERIES).unwrap(), fastrand::choice(TAGS).unwrap());
        let separator = if query.is_empty() { "?" } else { "&" };
        let target = if fastrand::bool() {
            format!("{path}{query}{separator}tag={tag}")
        } else {
            format!("{path}{query}")
        };
        for language in ["en", "de"].iter().take(fastrand::usize(1..=2)) {
            site.ask(Method::GET, &target).with("host", "h").with("accept-language", language).send().await;
        }
    }
}

/// Returns a random selector.
fn any_selector() -> Invalidation {
    let path = fastrand::choice(PATHS).unwrap();
    let query = fastrand::choice(QUERIES).unwrap();
    let host = if fastrand::bool() { "" } else { "http://h" };
    match fastrand::u8(..8) {
        0 => Invalidation::tag(fastrand::choice(TAGS).unwrap()),
        1 => UriName::new(&format!("{host}{path}{query}")).unwrap().into(),
        2 => PathName::new(path).unwrap().into(),
        3 => Prefix::new(path).unwrap().into(),
        4 => Glob::new(&format!("{path}*")).unwrap().into(),
        5 => Glob::new("/*/c").unwrap().into(),
        6 => Invalidation::key(format!("u|http|h|{path}")),
        _ => Invalidation::all(),
    }
}

/// Returns an invalidation with one to three selectors, some of them soft.
fn any_invalidation() -> Invalidation {
    let mut all = Invalidation::default();
    for _ in 0..fastrand::usize(1..=3) {
        let one = any_selector();
        all.extend([if fastrand::bool() { one.soft() } else { one }]);
    }
    all
}

/// Returns the keys of the responses in a state that an invalidation leads to, and their number.
async fn invalidated(cache: &Cache) -> (BTreeSet<String>, u64, u64) {
    let page = ListPage::default().limit(1_000);
    let listing = cache.stored_responses(&StoredFilter::default(), page).await;
    let is_reached = |state| matches!(state, StoredState::Invalidated | StoredState::SoftlyInvalidated);
    let reached: Vec<_> = listing.entries.into_iter().filter(|entry| is_reached(entry.state)).collect();
    let bytes = reached.iter().map(|entry| entry.stored_bytes).sum();
    (reached.iter().map(|entry| entry.key.clone()).collect(), reached.len() as u64, bytes)
}

/// A preview says what the log then does, for every kind of selector and all mixtures of them.
#[tokio::test]
async fn a_preview_has_exactly_what_the_invalidation_then_reaches() {
    let seed = fastrand::u64(..);
    fastrand::seed(seed);
    let mut reached_some = 0;
    for round in 0..60 {
        let (cache, _) = cache();
        fill(&cache).await;
        let what = any_invalidation();
        let preview = cache.preview(what.clone()).await;
        assert_eq!(invalidated(&cache).await.1, 0, "a preview invalidates nothing");
        let _ = cache.invalidate(what.clone()).await;
        let (keys, responses, bytes) = invalidated(&cache).await;
        let shown: BTreeSet<_> = preview.keys.iter().cloned().collect();
        assert_eq!(
            (shown, preview.responses, preview.bytes),
            (keys, responses, bytes),
            "{what:?}, {seed} {round}"
        );
        assert_eq!((preview.values, preview.already_invalidated), (0, 0));
        reached_some += u32::from(responses > 0);
    }
    assert!(reached_some > 10, "only {reached_some} of 60 reached a response, seed {seed}");
}

#[tokio::test]
async fn what_is_refused_already_counts_apart() {
    let (cache, _) = cache();
    let site = Site::of(
        Router::new().route("/{id}", get(async || "page").layer(cache.layer(hourly().tag("t{id}").tag("t")))),
    )
    .await;
    for path in ["/1", "/2", "/3"] {
        site.get(path).await;
    }
    let _ = cache.invalidate(Invalidation::tag("t1")).await;
    let _ = cache.invalidate(Invalidation::tag("t2").soft()).await;
    let preview = cache.preview(Invalidation::tag("t")).await;
    assert_eq!((preview.responses, preview.already_invalidated, preview.keys.len()), (2, 1, 2));
}

/// A URI also names its form in the key, and the URI on every host if a policy ignores the host.
#[tokio::test]
async fn a_preview_knows_the_aliases_of_uris() {
    let (cache, _) = cache();
    let page = |policy: Policy| get(async || "page").layer(cache.layer(policy));
    let router = Router::new()
        .route("/keyed", page(hourly().query_ignoring(["utm"])))
        .route("/anywhere", page(hourly().ignore_host()));
    let site = Site::of(router).await;
    for path in ["/keyed?q=1", "/anywhere"] {
        site.ask(Method::GET, path).with("host", "h").send().await;
    }
    for (uri, expected) in [
        ("/keyed?q=1", 1),
        ("/keyed?q=1&utm=9", 1),
        ("//h/keyed?utm=9&q=1", 1),
        ("/keyed?q=2&utm=9", 0),
        ("//other/anywhere", 1),
        // That policy applies to the URIs of all routes.
        ("//other/keyed?q=1", 1),
    ] {
        let preview = cache.preview(UriName::new(uri).unwrap()).await;
        assert_eq!(preview.responses, expected, "{uri}");
    }
}
