use http::HeaderValue;

use super::slot::MAX_VARIANTS;
use super::*;
use crate::engine::clock::SystemClock;
use crate::testing::{after, cached, now, varying};

const MIB: u64 = 1024 * 1024;

fn memory_of(bytes: u64) -> ResponseMemory {
    ResponseMemory::new(bytes, Arc::new(SystemClock))
}

fn request(fields: &[(&'static str, &str)]) -> HeaderMap {
    let field = |(name, value): &(&'static str, &str)| {
        (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
    };
    fields.iter().map(field).collect()
}

fn accept(value: &str) -> HeaderMap {
    request(&[("accept", value)])
}

fn finds(memory: &ResponseMemory, key: &str, request: &HeaderMap) -> Option<Arc<CachedResponse>> {
    match memory.find(key, request, now()) {
        MemoryLookup::Found(cached) => Some(cached),
        _ => None,
    }
}

fn is(found: Option<Arc<CachedResponse>>, expected: &Arc<CachedResponse>) -> bool {
    found.is_some_and(|found| Arc::ptr_eq(&found, expected))
}

#[test]
fn a_response_is_found_under_its_key_alone() {
    let memory = memory_of(MIB);
    let (a, newer) = (cached("a", "1"), cached("a", "2"));
    memory.insert(Arc::clone(&a));
    assert!(is(finds(&memory, "a", &HeaderMap::new()), &a));
    assert!(is(finds(&memory, "a", &accept("text/plain")), &a), "the response does not vary");
    assert!(matches!(memory.find("b", &HeaderMap::new(), now()), MemoryLookup::Absent));
    memory.insert(Arc::clone(&newer));
    assert!(is(finds(&memory, "a", &HeaderMap::new()), &newer));
    assert_eq!(memory.usage().entries, 1);
}

#[test]
fn a_memory_of_no_bytes_keeps_nothing() {
    let memory = memory_of(0);
    assert!(!memory.is_enabled());
    memory.insert(cached("a", "1"));
    memory.insert_hit_for_miss("a", &HeaderMap::new(), UncacheableReason::Head, now());
    assert!(matches!(memory.find("a", &HeaderMap::new(), now()), MemoryLookup::Absent));
    assert_eq!((memory.usage().entries, memory.usage().bytes), (0, 0));
    let variants = memory.insert_vary_fields("a", [http::header::ACCEPT].into());
    assert_eq!(*variants.fields, [http::header::ACCEPT]);
}

/// Otherwise requests for all variants would wait for the fill of one.
#[test]
fn a_memory_of_no_bytes_knows_the_fields_that_responses_vary_on() {
    let memory = memory_of(0);
    memory.insert_vary_fields("a", [http::header::ACCEPT].into());
    let fields = [http::header::ACCEPT, http::header::COOKIE];
    memory.note_vary_fields("a", &vary::selecting(&fields, &HeaderMap::new()));
    let read = memory.insert_vary_fields("a", [http::header::ACCEPT].into());
    assert_eq!(*read.fields, [http::header::ACCEPT], "the address of what is stored");
    let MemoryLookup::OtherVariants(known) = memory.find("a", &HeaderMap::new(), now()) else {
        panic!("the fields are forgotten");
    };
    assert_eq!(*known.fields, fields);
    assert_eq!((memory.usage().entries, memory.usage().bytes), (0, 0));
}

#[test]
fn fields_that_are_noted_replace_no_stored_response() {
    let memory = memory_of(MIB);
    let plain = cached("a", "1");
    memory.insert(Arc::clone(&plain));
    let selecting = vary::selecting(&[http::header::ACCEPT], &HeaderMap::new());
    memory.note_vary_fields("a", &selecting);
    assert!(is(finds(&memory, "a", &accept("text/plain")), &plain));
    let variant = varying("b", &["accept"], &accept("text/html"));
    memory.insert(Arc::clone(&variant));
    memory.note_vary_fields("b", &selecting);
    assert!(is(finds(&memory, "b", &accept("text/html")), &variant));
    memory.note_vary_fields("c", &selecting);
    assert!(matches!(memory.find("c", &HeaderMap::new(), now()), MemoryLookup::OtherVariants(_)));
}

#[test]
fn each_variant_is_found_by_its_own_request() {
    let memory = memory_of(MIB);
    let plain = varying("a", &["accept"], &accept("text/plain"));
    let html = varying("a", &["accept"], &accept("text/html"));
    let none = varying("a", &["accept"], &HeaderMap::new());
    for one in [&plain, &html, &none] {
        memory.insert(Arc::clone(one));
    }
    assert!(is(finds(&memory, "a", &accept("text/plain")), &plain));
    assert!(is(finds(&memory, "a", &accept("text/html")), &html));
    assert!(is(finds(&memory, "a", &HeaderMap::new()), &none));
    match memory.find("a", &accept("image/png"), now()) {
        MemoryLookup::OtherVariants(variants) => assert_eq!(*variants.fields, [http::header::ACCEPT]),
        _ => panic!("there are other variants"),
    }
}

/// A client that makes up field values cannot fill the memory with one page.
#[test]
fn of_too_many_variants_the_oldest_goes() {
    let memory = memory_of(64 * MIB);
    let nth = |n: usize| accept(&n.to_string());
    for n in 0..=MAX_VARIANTS {
        memory.insert(varying("a", &["accept"], &nth(n)));
        // The first variant is used all the time. It is still the oldest.
        finds(&memory, "a", &nth(0));
    }
    assert!(finds(&memory, "a", &nth(0)).is_none());
    for n in 1..=MAX_VARIANTS {
        assert!(finds(&memory, "a", &nth(n)).is_some(), "{n}");
    }
    let slots = MAX_VARIANTS + 1;
    assert_eq!(memory.usage().entries, slots as u64);
    // A variant that is stored many times is still one variant and replaces no other.
    for _ in 0..MAX_VARIANTS {
        memory.insert(varying("a", &["accept"], &nth(MAX_VARIANTS)));
    }
    for n in 1..=MAX_VARIANTS {
        assert!(finds(&memory, "a", &nth(n)).is_some(), "{n}");
    }
    // It is the newest one from then on.
    memory.insert(varying("a", &["accept"], &nth(1)));
    memory.insert(varying("a", &["accept"], &nth(1_000)));
    assert!(finds(&memory, "a", &nth(1)).is_some());
    assert!(finds(&memory, "a", &nth(2)).is_none());
    assert_eq!(memory.usage().entries, slots as u64);
}

#[test]
fn responses_that_vary_on_other_fields_do_not_replace_each_other_in_turns() {
    let memory = memory_of(MIB);
    let both = request(&[("accept", "text/plain"), ("cookie", "a=b")]);
    memory.insert(varying("a", &["accept"], &both));
    let fields = memory.merge_fields("a", [http::header::COOKIE].into());
    assert_eq!(*fields, [http::header::ACCEPT, http::header::COOKIE]);
    let by_both = varying("a", &["accept", "cookie"], &both);
    memory.insert(Arc::clone(&by_both));
    let again = memory.merge_fields("a", [http::header::ACCEPT].into());
    assert_eq!(*again, [http::header::ACCEPT, http::header::COOKIE]);
    assert!(is(finds(&memory, "a", &both), &by_both));
    assert!(finds(&memory, "a", &accept("text/plain")).is_none());
    assert_eq!(*memory.merge_fields("b", [http::header::ACCEPT].into()), [http::header::ACCEPT]);
}

#[test]
fn vary_fields_from_the_shared_tier_lead_to_variants() {
    let memory = memory_of(MIB);
    memory.insert_vary_fields("a", [http::header::ACCEPT].into());
    assert!(matches!(memory.find("a", &accept("x"), now()), MemoryLookup::OtherVariants(_)));
    let promoted = varying("a", &["accept"], &accept("x"));
    memory.insert(Arc::clone(&promoted));
    assert!(is(finds(&memory, "a", &accept("x")), &promoted));
}

#[test]
fn hit_for_miss_lasts_for_a_while_or_until_a_response_is_stored() {
    let memory = memory_of(MIB);
    let any = HeaderMap::new();
    memory.insert_hit_for_miss("a", &any, UncacheableReason::Head, now());
    let just_before = after(Duration::from_secs(10) - Duration::from_nanos(1));
    assert!(matches!(memory.find("a", &any, just_before), MemoryLookup::HitForMiss));
    assert!(matches!(memory.find("a", &any, after(Duration::from_secs(10))), MemoryLookup::Absent));
    assert!(matches!(memory.find("b", &any, now()), MemoryLookup::Absent));
    let stored = cached("a", "1");
    memory.insert(Arc::clone(&stored));
    assert!(is(finds(&memory, "a", &any), &stored), "the response was stored");
}

#[test]
fn the_time_doubles_after_each_wait_that_timed_out() {
    let memory = memory_of(MIB);
    let any = HeaderMap::new();
    let mut at = now();
    for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
        let time = Duration::from_secs(minutes * 60);
        assert_eq!(memory.insert_hit_for_miss("a", &any, UncacheableReason::Body, at), time);
        let end = at.saturating_add(time);
        let just_before = at.saturating_add(time - Duration::from_nanos(1));
        assert!(matches!(memory.find("a", &any, just_before), MemoryLookup::HitForMiss));
        assert!(matches!(memory.find("a", &any, end), MemoryLookup::Absent));
        // Another reason in between does not change that time.
        assert_eq!(
            memory.insert_hit_for_miss("a", &any, UncacheableReason::Head, end),
            Duration::from_secs(10)
        );
        at = end;
    }
    memory.insert(cached("a", "1"));
    assert_eq!(
        memory.insert_hit_for_miss("a", &any, UncacheableReason::Body, at),
        Duration::from_secs(60),
        "a response was stored meanwhile"
    );
}

#[test]
fn a_variant_that_cannot_be_stored_says_nothing_about_the_others() {
    let memory = memory_of(MIB);
    let plain = varying("a", &["accept"], &accept("text/plain"));
    memory.insert(Arc::clone(&plain));
    memory.insert_hit_for_miss("a", &accept("text/html"), UncacheableReason::Head, now());
    assert!(matches!(memory.find("a", &accept("text/html"), now()), MemoryLookup::HitForMiss));
    let later = memory.find("a", &accept("text/html"), after(Duration::from_secs(10)));
    assert!(matches!(later, MemoryLookup::OtherVariants(_)));
    assert!(is(finds(&memory, "a", &accept("text/plain")), &plain));
}

#[test]
fn only_the_very_response_is_forgotten() {
    let memory = memory_of(MIB);
    let (old, new) = (cached("a", "1"), cached("a", "1"));
    memory.insert(Arc::clone(&old));
    memory.insert(Arc::clone(&new));
    memory.remove(&old);
    assert!(is(finds(&memory, "a", &HeaderMap::new()), &new), "it replaced the old one");
    memory.remove(&new);
    assert!(finds(&memory, "a", &HeaderMap::new()).is_none());
    assert_eq!((memory.usage().entries, memory.usage().bytes), (0, 0));

    let plain = varying("v", &["accept"], &accept("text/plain"));
    let html = varying("v", &["accept"], &accept("text/html"));
    memory.insert(Arc::clone(&plain));
    memory.insert(Arc::clone(&html));
    memory.remove(&plain);
    assert!(finds(&memory, "v", &accept("text/plain")).is_none());
    assert!(is(finds(&memory, "v", &accept("text/html")), &html));
}

#[test]
fn it_is_bounded_by_bytes_and_not_by_count() {
    let memory = memory_of(MIB);
    for n in 0..200 {
        memory.insert(cached(&format!("large {n}"), vec![0; 16 * 1024]));
        assert!(memory.usage().bytes <= MIB, "{}", memory.usage().bytes);
    }
    assert!(memory.usage().bytes > MIB / 2, "{}", memory.usage().bytes);
    assert!(memory.usage().entries < 64, "{}", memory.usage().entries);
    let memory = memory_of(MIB);
    for n in 0..1_000 {
        memory.insert(cached(&format!("small {n}"), ""));
    }
    assert!(memory.usage().entries > 500, "{}", memory.usage().entries);
}

/// Fills a memory with responses of 16 KiB, and returns the numbers of those that were evicted.
fn evict_some(memory: &ResponseMemory, name: &str) -> Vec<usize> {
    for n in 0..200 {
        memory.insert(cached(&format!("{name} {n}"), vec![0; 16 * 1024]));
    }
    let is_gone = |n: &usize| finds(memory, &format!("{name} {n}"), &HeaderMap::new()).is_none();
    (0..200).filter(is_gone).collect()
}

#[test]
fn a_key_whose_response_was_evicted_is_told_from_a_new_one() {
    let memory = memory_of(MIB);
    let evicted = evict_some(&memory, "large");
    assert!(evicted.len() > 100);
    let reason = |n: usize, at| memory.absence_reason(&format!("large {n}"), at);
    for &n in &evicted {
        assert_eq!(reason(n, now()), MissReason::Evicted, "{n}");
        assert_eq!(reason(n, after(Duration::from_secs(60))), MissReason::Expired, "{n}");
    }
    assert_eq!(memory.absence_reason("other", now()), MissReason::NeverStored);
    // A response that is stored again and removed was not evicted.
    let again = cached(&format!("large {}", evicted[0]), "");
    memory.insert(Arc::clone(&again));
    memory.remove(&again);
    assert_eq!(reason(evicted[0], now()), MissReason::NeverStored);
}

#[test]
fn a_variant_that_was_evicted_is_told_from_one_that_was_never_stored() {
    let memory = memory_of(MIB);
    let (plain, html) = (accept("text/plain"), accept("text/html"));
    // What comes first is evicted last. So the memory is full already.
    evict_some(&memory, "first");
    memory.insert(varying("a", &["accept"], &plain));
    evict_some(&memory, "second");
    let is_absent = matches!(memory.find("a", &plain, now()), MemoryLookup::Absent);
    assert!(is_absent && memory.absence_reason("a", now()) == MissReason::Evicted);
    // The key is known again, and one of its variants is stored.
    memory.insert(varying("a", &["accept"], &html));
    let MemoryLookup::OtherVariants(variants) = memory.find("a", &plain, now()) else {
        panic!("it is stored");
    };
    let reason = |headers| memory.other_variants_reason("a", headers, &variants, now());
    assert_eq!(reason(&plain), MissReason::Evicted);
    assert_eq!(reason(&accept("image/png")), MissReason::Vary);
}

/// The next request would run the handler in any case.
#[test]
fn the_eviction_of_a_response_that_is_never_fresh_is_no_reason() {
    let memory = memory_of(MIB);
    evict_some(&memory, "first");
    let mut stored = crate::testing::stored("a", "");
    stored.meta.lifetime.fresh = Duration::ZERO;
    memory.insert(Arc::new(CachedResponse::from_fill(stored, Some(now()), now())));
    evict_some(&memory, "second");
    assert!(finds(&memory, "a", &HeaderMap::new()).is_none());
    assert_eq!(memory.absence_reason("a", now()), MissReason::NeverStored);
}

#[test]
fn a_response_weighs_what_it_takes() {
    let weight = |key: &str, body: usize| {
        let memory = memory_of(MIB);
        memory.insert(cached(key, vec![0; body]));
        memory.usage().bytes
    };
    let least = weight("a", 0);
    assert!(least > size_of::<CachedResponse>() as u64 && least < 4_096, "{least}");
    assert_eq!(weight("a", 1_000) - least, 1_000);
    // A large body has a buffer of its own, with a reference count.
    assert_eq!(weight("a", 10_000) - least, 10_056);
    assert!(weight(&"a".repeat(1_001), 0) - least >= 1_000);
    let memory = memory_of(MIB);
    memory.insert(cached("huge", vec![0; 2 * 1024 * 1024]));
    assert_eq!(
        (memory.usage().entries, memory.usage().bytes),
        (0, 0),
        "a response larger than the memory is not stored"
    );
}
