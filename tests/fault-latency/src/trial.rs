//! One trial: a server, a trouble, and what clients see before, during and after it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::app::{App, Tiers};
use crate::fault::{Fault, Redis};
use crate::load::{Clients, Rate, Seen};

/// How a trial is made.
pub(crate) struct Trial {
    pub(crate) during: Duration,
    pub(crate) rate: Rate,
}

/// What clients saw.
pub(crate) struct Outcome {
    pub(crate) healthy: Vec<Seen>,
    pub(crate) troubled: Vec<Seen>,
    /// How often the handler ran meanwhile.
    pub(crate) runs: u64,
    /// From the repair until what is asked for twice is a hit.
    pub(crate) back_after: Duration,
}

/// One bounded delay, with some room for a busy machine.
const BOUND: Duration = Duration::from_millis(60);
/// By so much may half of the requests be slower.
const SLOWER: Duration = Duration::from_millis(1);

impl Trial {
    pub(crate) async fn run(&self, fault: Fault, tiers: Tiers) -> Result<Outcome> {
        let redis = Redis::start().await?;
        let app = App::start(&redis.url(), tiers).await?;
        let clients = Clients::of(app.address);
        clients.warm(self.rate.keys).await?;
        let healthy = self.rate.send(&clients, self.during).await;
        let runs = app.runs();
        let until = Instant::now() + self.during;
        let load = self.rate.send(&clients, self.during);
        let (troubled, mended) = tokio::join!(load, async {
            let mended = fault.inflict(&redis, until).await;
            (mended, Instant::now())
        });
        let runs = app.runs() - runs;
        mended.0?;
        let back_after = back(&clients, mended.1).await;
        Ok(Outcome { healthy, troubled, runs, back_after })
    }
}

/// How long it takes until a response that is new is stored and found again.
async fn back(clients: &Clients, mended: Instant) -> Duration {
    loop {
        let id = format!("probe-{:x}", fastrand::u64(..));
        clients.ask(&id).await;
        // Long enough for what stores it to have ended, far shorter than what is measured.
        sleep(Duration::from_millis(5)).await;
        if clients.ask(&id).await.hit || mended.elapsed() > Duration::from_secs(30) {
            return mended.elapsed();
        }
    }
}

impl Outcome {
    pub(crate) fn errors(&self) -> usize {
        self.troubled.iter().filter(|seen| seen.failed).count()
    }

    /// Whether all that is promised was seen.
    pub(crate) fn held(&self) -> bool {
        let [healthy, troubled] = [&self.healthy, &self.troubled].map(|seen| took(seen));
        self.errors() == 0
            && self.back_after < Duration::from_secs(1)
            && quantile(&troubled, 50) <= quantile(&healthy, 50) + SLOWER
            && quantile(&troubled, 100) <= quantile(&healthy, 100) + BOUND
    }
}

/// How long each took, sorted.
pub(crate) fn took(seen: &[Seen]) -> Vec<Duration> {
    let mut took: Vec<_> = seen.iter().map(|seen| seen.took).collect();
    took.sort_unstable();
    took
}

/// The time within which so many of a hundred were answered.
pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(millis: impl IntoIterator<Item = u64>) -> Vec<Seen> {
        let seen = |millis| Seen { took: Duration::from_millis(millis), hit: true, failed: false };
        millis.into_iter().map(seen).collect()
    }

    fn outcome(troubled: Vec<Seen>) -> Outcome {
        Outcome { healthy: seen([1; 100]), troubled, runs: 0, back_after: Duration::ZERO }
    }

    #[test]
    fn quantiles_are_values_that_were_there() {
        let sorted = took(&seen((1..=100).rev()));
        assert_eq!([1, 50, 99, 100].map(|percent| quantile(&sorted, percent).as_millis()), [1, 50, 99, 100]);
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn what_is_promised_is_checked() {
        assert!(outcome(seen([1; 100])).held());
        assert!(outcome(seen((0..100).map(|number| if number == 0 { 61 } else { 1 }))).held());
        assert!(!outcome(seen((0..100).map(|number| if number == 0 { 62 } else { 1 }))).held());
        assert!(!outcome(seen([3; 100])).held());
        let failed = Seen { failed: true, ..seen([1])[0] };
        assert!(!outcome(vec![failed]).held());
        let late = Outcome { back_after: Duration::from_secs(2), ..outcome(seen([1])) };
        assert!(!late.held());
    }
}
