//! Quantiles.

/// A sample of values, for quantiles.
#[derive(Debug)]
pub(super) struct Sample<T>(Vec<T>);

impl<T> Default for Sample<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord + Copy + Default> Sample<T> {
    pub(super) fn add(&mut self, value: T) {
        self.0.push(value);
    }

    pub(super) const fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the smallest value that at least this share of all values do not exceed, or the
    /// default if there is none.
    // The casts are for a rank.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    pub(super) fn quantile(&mut self, share: f64) -> T {
        self.0.sort_unstable();
        let rank = (self.0.len() as f64 * share).ceil() as usize;
        self.0.get(rank.max(1) - 1).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_there() {
        let mut sample = Sample::default();
        assert_eq!(sample.quantile(0.5), 0);
        (1..=100).rev().for_each(|value| sample.add(value));
        assert_eq!([0.0, 0.5, 0.99, 1.0].map(|share| sample.quantile(share)), [1, 50, 99, 100]);
    }
}
