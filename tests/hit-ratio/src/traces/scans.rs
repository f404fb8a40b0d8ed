//! Requests in the order of keys.

use fastrand::Rng;

use crate::traces::{Scale, Zipf};

/// The maximum length of a range.
const MAX_RANGE: usize = 100;
/// One request in this many is one of the crawler.
const CRAWLER: usize = 10;

pub(super) fn ranges(scale: Scale, mut random: Rng) -> Vec<u64> {
    let (zipf, keys) = (Zipf::new(scale.objects, 0.99), shuffled(scale.objects, &mut random));
    let mut requests = Vec::with_capacity(scale.requests);
    while requests.len() < scale.requests {
        let start = keys[zipf.rank(&mut random)];
        let length = random.usize(1..=MAX_RANGE).min(scale.requests - requests.len());
        requests.extend((start..).take(length).map(|key| key % scale.objects as u64));
    }
    requests
}

pub(super) fn crawler(scale: Scale, mut random: Rng) -> Vec<u64> {
    let (zipf, keys) = (Zipf::new(scale.objects, 0.9), shuffled(scale.objects, &mut random));
    let mut all = (0..scale.objects as u64).cycle();
    let mut next =
        || if random.usize(..CRAWLER) == 0 { all.next() } else { Some(keys[zipf.rank(&mut random)]) };
    (0..scale.requests).filter_map(|_| next()).collect()
}

/// Returns the key of each rank, so that neighboring keys do not have similar popularity.
fn shuffled(objects: usize, random: &mut Rng) -> Vec<u64> {
    let mut keys: Vec<u64> = (0..objects as u64).collect();
    random.shuffle(&mut keys);
    keys
}
