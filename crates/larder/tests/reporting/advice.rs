//! Advice about a cache that has served requests.

use std::time::Duration;

use larder::advice::{Advice, AdviceKind};
use larder::{Cache, Invalidation, Policy, ttl};
use larder_testing::Answer;

use crate::shop::{Shop, with};

const ENOUGH: usize = 1_100;

async fn kinds(shop: &Shop) -> Vec<AdviceKind> {
    shop.cache.advice().await.into_iter().map(|advice| advice.kind).collect()
}

fn standard() -> Policy {
    Policy::ttl(ttl::STANDARD).name("products").jitter(0.0)
}

fn shop(policy: Policy) -> Shop {
    Shop::new(policy, |_| Answer::ok("hello"))
}

#[tokio::test]
async fn a_new_cache_has_no_advice() {
    assert_eq!(Cache::default().advice().await, []);
    assert_eq!(Cache::disabled().advice().await, []);
}

#[tokio::test]
async fn many_hits_are_good() {
    let shop = shop(standard());
    for _ in 0..ENOUGH {
        shop.get("/1").await;
    }
    let advice: Vec<Advice> = shop.cache.advice().await;
    assert_eq!((advice.len(), advice[0].kind), (1, AdviceKind::HitRatioHigh));
    assert_eq!((&*advice[0].subject, advice[0].evidence["lookups"]), ("class standard", 1_100.0));
    assert!(advice[0].to_string().starts_with("class standard: hit-ratio-high, "), "{}", advice[0]);
}

#[tokio::test]
async fn a_short_lifetime_is_found() {
    let shop = shop(Policy::ttl(Duration::from_secs(1)).jitter(0.0));
    for _ in 0..ENOUGH {
        shop.get("/1").await;
        shop.clock.advance(Duration::from_secs(2));
    }
    assert_eq!(kinds(&shop).await, [AdviceKind::LifetimeTooShort, AdviceKind::NeverHit]);
}

#[tokio::test]
async fn keys_that_hardly_repeat_are_found() {
    let shop = shop(standard());
    for number in 0..ENOUGH {
        shop.get(&format!("/?utm_source={number}")).await;
    }
    assert_eq!(kinds(&shop).await, [AdviceKind::TooManyKeys, AdviceKind::NeverHit]);
}

#[tokio::test]
async fn invalidations_that_come_too_often_and_a_lifetime_that_means_nothing_are_found() {
    let shop = shop(standard().tag("all"));
    for number in 0..ENOUGH {
        shop.get("/1").await;
        if number % 2 == 0 {
            shop.get("/1").await;
        }
        let _ = shop.cache.invalidate(Invalidation::tag("all")).await;
    }
    assert_eq!(kinds(&shop).await, [AdviceKind::InvalidatedTooOften, AdviceKind::LifetimeTooLong]);
}

#[tokio::test]
async fn a_route_that_is_always_bypassed_is_found_with_the_reason() {
    let shop = shop(standard());
    for _ in 0..100 {
        shop.send(with("/1", "cookie", "session=x")).await;
    }
    let advice = shop.cache.advice().await;
    assert_eq!((advice[0].kind, advice[0].reason), (AdviceKind::AlwaysBypassed, Some("cookie")));
    assert_eq!(&*advice[0].subject, "route products");
}

#[tokio::test]
async fn variants_that_thrash_are_found() {
    let shop = Shop::new(standard(), |_| Answer::ok("hello").header("vary", "x-client"));
    for number in 0..250 {
        shop.send(with("/1", "x-client", &number.to_string())).await;
    }
    assert_eq!(kinds(&shop).await, [AdviceKind::VariantsThrash, AdviceKind::NeverHit]);
}

#[tokio::test]
async fn a_route_whose_responses_are_rarely_stored_is_found() {
    let shop = Shop::new(standard(), |_| Answer::ok("hello").header("cache-control", "no-store"));
    for _ in 0..200 {
        shop.get("/1").await;
    }
    assert_eq!(kinds(&shop).await, [AdviceKind::RarelyStored]);
}

#[tokio::test]
async fn a_memory_that_is_too_small_is_found_with_the_size_that_would_do() {
    const BYTES: u64 = 64 * 1024;
    let options = Cache::builder().max_memory_bytes(BYTES);
    let shop = Shop::of(options, standard(), |_| Answer::ok("hello").body("x".repeat(2_000)));
    for number in 0..400 {
        shop.get(&format!("/{}", number % 100)).await;
    }
    let advice = shop.cache.advice().await;
    let small = advice.iter().find(|advice| advice.kind == AdviceKind::MemoryTooSmall).unwrap();
    assert!(small.evidence["needed_bytes"] > BYTES as f64, "{small}");
    assert_eq!(small.evidence["max_memory_bytes"], BYTES as f64);
}

#[tokio::test]
async fn the_hottest_keys_are_counted_without_their_cookies() {
    let options = Cache::builder().count_top_keys();
    let shop = Shop::of(options, standard().key_cookie("session"), |_| Answer::ok("hello"));
    for number in 0..300 {
        shop.get(&format!("/{}", number % 10)).await;
        shop.get("/hot").await;
        shop.get("/hot").await;
    }
    shop.send(with("/private", "cookie", "session=secret")).await;
    let top = shop.cache.top_keys().unwrap();
    assert!(top.requests[0].key.contains("/hot"), "{top:?}");
    // One in 64 of the 888 hits is a sample.
    let hot = top.requests.iter().find(|top| top.key.contains("/hot")).unwrap();
    assert!((400..=800).contains(&hot.count), "{hot:?}");
    assert_eq!(top.misses.len(), 12);
    assert_eq!(top.handler_micros.iter().map(|top| top.count).sum::<u64>(), 12 * 40_000);
    assert!(top.bytes[0].key.contains("/hot"), "{top:?}");
    assert!(!format!("{top:?}").contains("secret"));
    assert_eq!(Cache::default().top_keys(), None);
}
