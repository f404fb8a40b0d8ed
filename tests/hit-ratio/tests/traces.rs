//! Traces have the properties that their sources publish.

use std::collections::HashMap;

use larder_hit_ratio::traces::{ALL, Scale, Traffic, distinct_bytes};
use larder_hit_ratio::{Object, Sizes};

const SCALE: Scale = Scale { objects: 10_000, requests: 100_000 };

fn uses(requests: &[Object]) -> HashMap<u64, usize> {
    let mut uses = HashMap::new();
    for object in requests {
        *uses.entry(object.key).or_default() += 1;
    }
    uses
}

#[test]
fn a_trace_is_the_same_each_time() {
    for traffic in ALL {
        for sizes in [Sizes::Fixed, Sizes::HeavyTailed] {
            let requests = traffic.requests(SCALE, sizes);
            assert!(requests == traffic.requests(SCALE, sizes), "{}", traffic.name());
            assert!(requests.len() >= SCALE.requests, "{}", traffic.name());
        }
    }
}

#[test]
fn a_rank_is_as_popular_as_its_exponent_says() {
    for exponent in [0.7, 0.9, 1.1] {
        let uses = uses(&Traffic::Zipf(exponent).requests(SCALE, Sizes::Fixed));
        let (first, hundredth) =
            (uses[&0] as f64, (90..110).map(|key| uses[&key]).sum::<usize>() as f64 / 20.0);
        let measured = (first / hundredth).ln() / 100_f64.ln();
        assert!((measured - exponent).abs() < 0.05, "{measured:.3} instead of {exponent}");
    }
}

#[test]
fn three_of_four_objects_are_one_hit_wonders() {
    let uses = uses(&Traffic::OneHitWonders.requests(SCALE, Sizes::Fixed));
    let once = uses.values().filter(|uses| **uses == 1).count() as f64 / uses.len() as f64;
    assert!((once - 0.75).abs() < 0.001, "{once}");
}

#[test]
fn ranges_are_50_long_on_average() {
    let requests = Traffic::Ranges.requests(SCALE, Sizes::Fixed);
    let starts = requests.windows(2).filter(|pair| pair[1].key != pair[0].key + 1).count();
    let length = requests.len() as f64 / starts as f64;
    assert!((48.0..53.0).contains(&length), "{length}");
}

#[test]
fn a_crawler_requests_one_in_ten_and_all_in_turn() {
    let requests = Traffic::Crawler.requests(SCALE, Sizes::Fixed);
    let mut next = 0;
    for object in &requests {
        next += u64::from(object.key == next);
    }
    assert!((9_500..=10_000).contains(&next), "{next}");
}

#[test]
fn the_newest_responses_are_the_most_popular() {
    let requests = Traffic::Latest.requests(SCALE, Sizes::Fixed);
    let (mut newest, mut new, mut near) = (0, 0, 0);
    for object in &requests {
        new += usize::from(object.key > newest);
        near += usize::from(object.key + 100 > newest);
        newest = newest.max(object.key);
    }
    let inserted = newest - SCALE.objects as u64;
    assert!((4_900..5_700).contains(&inserted), "{inserted} insertions in 100,000 reads");
    assert!(near > 50_000 && new > 500, "{near} requests near the newest, {new} for it");
}

#[test]
fn unpopular_responses_become_popular_at_once() {
    let scale = Scale { objects: 1_000, requests: 200_000 };
    let requests = Traffic::HotIn.requests(scale, Sizes::Fixed);
    let (before, after) = requests.split_at(99_999);
    let share = |requests: &[Object]| {
        requests.iter().filter(|object| object.key >= 800).count() as f64 / requests.len() as f64
    };
    assert!(share(before) < 0.05 && share(&after[..100_000]) > 0.6, "{} {}", share(before), share(after));
}

#[test]
fn sizes_have_the_median_and_the_tail_of_their_source() {
    let mut sizes: Vec<u64> = (0..100_000).map(|key| Sizes::HeavyTailed.bytes(key) - 1024).collect();
    sizes.sort_unstable();
    // The median of the lognormal distribution is e^9.357. The tail moves it a little.
    assert!((11_580..14_000).contains(&sizes[50_000]), "{}", sizes[50_000]);
    let above = sizes.iter().filter(|bytes| **bytes >= 500_000).count() as f64 / 1000.0;
    assert!((1.5..2.5).contains(&above), "{above} % above 500,000 bytes");
    assert!(sizes[99_999] == 1024 * 1024, "{}", sizes[99_999]);
    assert_eq!(Sizes::Fixed.bytes(1), 2048);
}

#[test]
fn an_object_counts_once_in_the_distinct_bytes() {
    let requests = [1, 2, 1, 3, 3].map(|key| Object { key, bytes: 10 * key });
    assert_eq!(distinct_bytes(&requests), 60);
}
