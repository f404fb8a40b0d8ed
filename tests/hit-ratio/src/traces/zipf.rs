//! Zipf-like popularity.

use fastrand::Rng;

/// Ranks with the probability 1 / (rank + 1)^exponent.
pub(crate) struct Zipf {
    /// For each rank, the sum of the weights up to it.
    sums: Vec<f64>,
}

impl Zipf {
    pub(crate) fn new(ranks: usize, exponent: f64) -> Self {
        let mut sum = 0.0;
        let add = |rank: usize| {
            sum += (rank as f64).powf(-exponent);
            sum
        };
        Self { sums: (1..=ranks).map(add).collect() }
    }

    /// Returns a random rank. The most popular one is 0.
    pub(crate) fn rank(&self, random: &mut Rng) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let point = random.f64() * total;
        self.sums.partition_point(|sum| *sum <= point).min(self.sums.len() - 1)
    }
}
