//! Popularity that changes.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::traces::{Scale, Zipf};

const EXPONENT: f64 = 0.99;
/// The share of operations that insert a new key.
const INSERTIONS: f64 = 0.05;
/// The number of keys that become popular at once.
const HOT: usize = 200;
/// The number of requests between two changes.
const PERIOD: usize = 100_000;

pub(super) fn latest(scale: Scale, mut random: Rng) -> Vec<u64> {
    let zipf = Zipf::new(scale.objects, EXPONENT);
    let mut newest = scale.objects as u64;
    let mut read = || {
        while random.f64() < INSERTIONS {
            newest += 1;
        }
        newest - zipf.rank(&mut random) as u64
    };
    (0..scale.requests).map(|_| read()).collect()
}

pub(super) fn hot_in(scale: Scale, mut random: Rng) -> Vec<u64> {
    let zipf = Zipf::new(scale.objects, EXPONENT);
    let mut keys: VecDeque<u64> = (0..scale.objects as u64).collect();
    let read = |request: usize| {
        if request % PERIOD == PERIOD - 1 {
            keys.rotate_right(HOT);
        }
        keys[zipf.rank(&mut random)]
    };
    (0..scale.requests).map(read).collect()
}
