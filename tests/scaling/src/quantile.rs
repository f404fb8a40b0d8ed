//! Quantiles of times.

use std::time::Duration;

/// Sorted times.
#[derive(Debug)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// Returns the smallest time that at least this many percent do not exceed, or `None` if there
    /// are none.
    pub(crate) fn at(&self, percent: usize) -> Option<Duration> {
        let rank = (self.0.len() * percent).div_ceil(100);
        self.0.get(rank.saturating_sub(1)).copied()
    }

    /// Formats p50, p99 and the maximum in milliseconds.
    pub(crate) fn label(&self) -> String {
        let shown = [50, 99, 100].map(|percent| match self.at(percent) {
            Some(time) => format!("{:.2}", time.as_secs_f64() * 1e3),
            None => "–".to_owned(),
        });
        shown.join(" / ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_from_the_smallest() {
        let times = Times::new((1..=200).rev().map(Duration::from_millis).collect());
        let at = |percent| times.at(percent).unwrap().as_millis();
        assert_eq!((at(50), at(99), at(100)), (100, 198, 200));
        assert_eq!(times.label(), "100.00 / 198.00 / 200.00");
        let one = Times::new(vec![Duration::from_millis(7)]);
        assert_eq!(one.at(50), one.at(100));
        assert_eq!(Times::new(vec![]).label(), "– / – / –");
    }
}
