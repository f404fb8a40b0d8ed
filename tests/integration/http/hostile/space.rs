//! Unlimited keys and variants, and names that look like the cache's own.

use larder::{Cache, Glob, Invalidation, Policy, Tag, Tags};
use larder_testing::{Answer, Origin};

use super::get;
use crate::support::{cache, hourly, repeating_site, site};

/// Keys that are not requested again take only their share of the bytes, and do not evict used
/// ones.
#[tokio::test]
async fn made_up_keys_are_bounded_by_bytes_and_leave_what_is_in_use() {
    const MIB: u64 = 1024 * 1024;
    let cache = Cache::builder().max_memory_bytes(2 * MIB).build();
    let origin = Origin::new(|request, _| Answer::ok(format!("{} {}", request.uri, "x".repeat(4_000))));
    let site = site(&cache, hourly(), &origin).await;
    for _ in 0..3 {
        for hot in 0..20 {
            get(&site, &format!("/hot/{hot}")).await;
        }
    }
    for n in 0..2_000 {
        get(&site, &format!("/search?q={n}")).await;
        assert!(cache.stats().memory_bytes <= 2 * MIB);
    }
    let before = origin.calls();
    for hot in 0..20 {
        get(&site, &format!("/hot/{hot}")).await;
    }
    assert!(origin.calls() - before <= 2, "{} of 20 were pushed out", origin.calls() - before);
}

/// A response under another key, with a name that resembles one of another response.
#[tokio::test]
async fn names_that_look_like_ours_are_names_like_others() {
    const NAMES: [&str; 12] = [
        "larder:larder:v1:{u|http|shop.example|/a}",
        "larder:{larder:log}:events",
        "{larder:log}",
        "u|http|shop.example|/a",
        "k|k|a",
        "|^7C^",
        "a:b:v:001",
        "*",
        "[a-z]?",
        "\0",
        "t:a",
        "\r\nX-Evil: 1",
    ];
    let (cache, _) = cache();
    let origin = Origin::new(|request, _| Answer::ok(request.uri.path().to_owned()));
    let policy = hourly().expose_cache_key().key_with(|parts| {
        let nth: usize = parts.uri.path().strip_prefix("/name/")?.parse().ok()?;
        NAMES.get(nth).map(|name| (*name).to_owned())
    });
    let site = site(&cache, policy, &origin).await;
    for x_cache in ["MISS", "HIT"] {
        for nth in 0..NAMES.len() {
            let path = format!("/name/{nth}");
            let reply = get(&site, &path).await;
            assert_eq!(reply.summary(), (x_cache, path.as_str()));
            assert_eq!(reply.field("x-evil"), "", "a key ends no line");
            assert!(reply.field("x-cache-key").bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
    // Each is named by its own text, and a star in it is a literal star.
    for (nth, name) in NAMES.iter().enumerate() {
        let _ = cache.invalidate(Invalidation::key(*name)).await;
        for (other, other_name) in NAMES.iter().enumerate() {
            let x_cache = get(&site, &format!("/name/{other}")).await.x_cache().to_owned();
            assert_eq!(x_cache, if other == nth { "MISS" } else { "HIT" }, "{name:?} and {other_name:?}");
        }
    }
}

#[tokio::test]
async fn tags_that_mean_something_elsewhere_are_plain_texts() {
    let (cache, _) = cache();
    let handler = |uri: http::Uri| async move {
        let tag = uri.path().trim_start_matches('/').replace("%2A", "*").replace("%0D%0A", "\r\n");
        (Tags::from([tag]), "page")
    };
    let router = axum::Router::new().fallback_service(
        tower::ServiceBuilder::new()
            .layer(cache.layer(hourly()))
            .service(axum::Router::new().fallback(handler)),
    );
    let site = larder_tests::http::Site::of(router).await;
    let paths = ["/%2A", "/a", "/a:%2A", "/t:a", "/%0D%0AX-Evil:1"];
    for path in paths {
        let reply = get(&site, path).await;
        assert_eq!((reply.x_cache(), reply.field("x-evil")), ("MISS", ""));
    }
    for (tag, gone) in
        [("*", "/%2A"), ("a:*", "/a:%2A"), ("t:a", "/t:a"), ("\r\nX-Evil:1", "/%0D%0AX-Evil:1")]
    {
        let _ = cache.invalidate(Tag::new(tag)).await;
        for path in paths {
            assert_eq!(get(&site, path).await.x_cache() == "MISS", path == gone, "{tag:?}: {path}");
        }
    }
    // A glob with any number of stars takes at most the product of its length and that of the path.
    let stars = "/".to_owned() + &"*a".repeat(2_000) + "b";
    let _ = cache.invalidate(Glob::new(&stars).unwrap()).await;
    assert_eq!(get(&site, &format!("/{}", "a".repeat(7_000))).await.x_cache(), "MISS");
    assert_eq!(get(&site, "/a").await.x_cache(), "HIT");
}

/// The limits of what one request may add to a key, and of one response in the cache.
#[tokio::test]
async fn a_key_or_response_that_is_too_large_passes_by() {
    let (cache, _) = cache();
    let site = repeating_site(&cache, hourly()).await;
    let long = format!("/a?{}", "%7C".repeat(3_000));
    for _ in 0..2 {
        let reply = get(&site, &long).await;
        assert_eq!((reply.summary(), reply.detail()), (("BYPASS", long.as_str()), "key-too-long"));
    }
    let fields = Origin::new(|_, _| {
        (0..40).fold(Answer::ok("page"), |answer, _| answer.header("x-much", "y".repeat(2_000)))
    });
    let heavy = crate::support::site(&cache, Policy::ttl(larder::ttl::STANDARD), &fields).await;
    for _ in 0..2 {
        assert_eq!(get(&heavy, "/fields").await.summary(), ("MISS", "page"));
    }
    assert_eq!(cache.stats().stored, 0);
}
