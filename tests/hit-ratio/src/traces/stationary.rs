//! Popularity that does not change.

use std::collections::HashMap;

use fastrand::Rng;

use crate::traces::{Scale, Zipf};

/// Keys from this one on are requested only once.
pub const MADE_UP: u64 = 1 << 40;

/// The share of the distinct keys that are requested only once.
const ONCE: f64 = 0.75;

pub(super) fn zipf(scale: Scale, exponent: f64, mut random: Rng) -> Vec<u64> {
    let zipf = Zipf::new(scale.objects, exponent);
    (0..scale.requests).map(|_| zipf.rank(&mut random) as u64).collect()
}

pub(super) fn one_hit_wonders(scale: Scale, mut random: Rng) -> Vec<u64> {
    let popular = zipf(scale, 0.8, random.fork());
    let wonders = missing_wonders(&popular);
    let total = popular.len() + wonders;
    let (mut popular, mut made_up) = (popular.into_iter(), MADE_UP..MADE_UP + wonders as u64);
    let next = |remaining: usize| {
        if random.usize(..remaining) < popular.len() { popular.next() } else { made_up.next() }
    };
    (1..=total).rev().filter_map(next).collect()
}

/// Returns the number of further keys that are requested once.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of keys")]
fn missing_wonders(keys: &[u64]) -> usize {
    let mut uses = HashMap::<u64, u32>::new();
    for key in keys {
        *uses.entry(*key).or_default() += 1;
    }
    let once = uses.values().filter(|uses| **uses == 1).count();
    ((ONCE * uses.len() as f64 - once as f64) / (1.0 - ONCE)).max(0.0) as usize
}
