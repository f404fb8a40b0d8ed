//! The ceiling, compared with every way to use a cache.

use std::collections::HashMap;

use fastrand::Rng;
use larder_hit_ratio::Object;
use larder_hit_ratio::ceiling::{belady, by_space_and_time, max_hits};

/// Returns the most hits that are possible, by trying everything. Keys are below 32.
fn most_hits(requests: &[Object], capacity: u64) -> u64 {
    // The most hits so far, for each set of cached keys.
    let mut best = HashMap::from([(0_u32, 0)]);
    let sizes: HashMap<u64, u64> = requests.iter().map(|object| (object.key, object.bytes)).collect();
    let bytes = |set: u32| {
        sizes.iter().filter(|(key, _)| set & (1 << **key) != 0).map(|(_, bytes)| bytes).sum::<u64>()
    };
    for object in requests {
        let mut next = HashMap::new();
        for (set, hits) in best {
            let hits = hits + u64::from(set >> object.key & 1);
            let available = set | 1 << object.key;
            // Each subset of what is there may stay.
            let mut subset = available;
            loop {
                if bytes(subset) <= capacity {
                    let known = next.entry(subset).or_insert(0);
                    *known = hits.max(*known);
                }
                if subset == 0 {
                    break;
                }
                subset = (subset - 1) & available;
            }
        }
        best = next;
    }
    best.into_values().max().unwrap_or(0)
}

fn random_trace(random: &mut Rng, sizes: &[u64]) -> Vec<Object> {
    let request = |key: usize| Object { key: key as u64, bytes: sizes[key] };
    (0..14).map(|_| request(random.usize(..sizes.len()))).collect()
}

#[test]
fn belady_has_the_most_hits_for_objects_of_one_size() {
    let mut random = Rng::with_seed(1);
    for objects in (0..=4).cycle().take(60) {
        let requests = random_trace(&mut random, &[10; 6]);
        let most = most_hits(&requests, 10 * objects as u64);
        assert_eq!(belady(&requests, objects), most, "{objects} objects: {requests:?}");
        assert_eq!(max_hits(&requests, 10 * objects as u64 + 9), most, "{objects} objects: {requests:?}");
    }
}

#[test]
fn no_cache_has_more_hits_than_the_bound_for_objects_of_different_sizes() {
    let mut random = Rng::with_seed(2);
    let mut reached = 0;
    for _ in 0..60 {
        let sizes: [u64; 6] = std::array::from_fn(|_| random.u64(1..=20));
        let (requests, capacity) = (random_trace(&mut random, &sizes), random.u64(1..=40));
        let most = most_hits(&requests, capacity);
        let bound = by_space_and_time(&requests, capacity);
        assert!(most <= bound, "{most} hits, {bound} at most, {capacity} bytes: {requests:?}");
        reached += u32::from(most == bound);
    }
    assert!(reached > 10, "the bound was reached {reached} times");
}
