//! One trial: a server, a fault, and the results before, during and after it.

use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::app::{App, Tiers};
use crate::fault::{Fault, Redis};
use crate::load::{Clients, Rate, RequestResult};

/// The parameters of a trial.
pub(crate) struct Trial {
    pub(crate) during: Duration,
    pub(crate) rate: Rate,
}

/// The results of a trial.
pub(crate) struct Outcome {
    pub(crate) healthy: Vec<RequestResult>,
    pub(crate) troubled: Vec<RequestResult>,
    /// How often the handler ran during the fault.
    pub(crate) runs: u64,
    /// The time between the repair and the first hit of a new response.
    pub(crate) back_after: Duration,
}

/// The bound of one delay, with some tolerance for a busy machine.
const MAX_DELAY: Duration = Duration::from_millis(60);
/// The maximum increase of the median.
const MAX_SLOWDOWN: Duration = Duration::from_millis(1);

impl Trial {
    pub(crate) async fn run(&self, fault: Fault, tiers: Tiers) -> Result<Outcome> {
        let redis = Redis::start().await?;
        let app = App::start(&redis.url(), tiers).await?;
        let clients = Clients::new(app.address);
        clients.warm(self.rate.keys).await?;
        let healthy = self.rate.send(&clients, self.during).await;
        let runs = app.runs();
        let until = Instant::now() + self.during;
        let load = self.rate.send(&clients, self.during);
        let (troubled, repaired) = tokio::join!(load, async {
            let repaired = fault.inject(&redis, until).await;
            (repaired, Instant::now())
        });
        let runs = app.runs() - runs;
        repaired.0?;
        let back_after = time_to_hit(&clients, repaired.1).await;
        Ok(Outcome { healthy, troubled, runs, back_after })
    }
}

/// Measures how long it takes until a new response is stored and hit.
async fn time_to_hit(clients: &Clients, repaired: Instant) -> Duration {
    loop {
        let id = format!("probe-{:x}", fastrand::u64(..));
        clients.request(&id).await;
        // Long enough to store the response, and far shorter than the measured time.
        sleep(Duration::from_millis(5)).await;
        if clients.request(&id).await.hit || repaired.elapsed() > Duration::from_secs(30) {
            return repaired.elapsed();
        }
    }
}

impl Outcome {
    pub(crate) fn errors(&self) -> usize {
        self.troubled.iter().filter(|result| result.failed).count()
    }

    /// Whether the results keep all guarantees.
    pub(crate) fn is_within_bounds(&self) -> bool {
        let [healthy, troubled] = [&self.healthy, &self.troubled].map(|results| durations(results));
        self.errors() == 0
            && self.back_after < Duration::from_secs(1)
            && quantile(&troubled, 50) <= quantile(&healthy, 50) + MAX_SLOWDOWN
            && quantile(&troubled, 100) <= quantile(&healthy, 100) + MAX_DELAY
    }
}

/// Returns the sorted durations.
pub(crate) fn durations(results: &[RequestResult]) -> Vec<Duration> {
    let mut durations: Vec<_> = results.iter().map(|result| result.took).collect();
    durations.sort_unstable();
    durations
}

/// Returns the duration that this many percent do not exceed.
pub(crate) fn quantile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(millis: impl IntoIterator<Item = u64>) -> Vec<RequestResult> {
        let result = |millis| RequestResult { took: Duration::from_millis(millis), hit: true, failed: false };
        millis.into_iter().map(result).collect()
    }

    fn outcome(troubled: Vec<RequestResult>) -> Outcome {
        Outcome { healthy: results([1; 100]), troubled, runs: 0, back_after: Duration::ZERO }
    }

    #[test]
    fn quantiles_are_values_that_were_there() {
        let sorted = durations(&results((1..=100).rev()));
        assert_eq!([1, 50, 99, 100].map(|percent| quantile(&sorted, percent).as_millis()), [1, 50, 99, 100]);
        assert_eq!(quantile(&[], 50), Duration::ZERO);
    }

    #[test]
    fn the_guarantees_are_checked() {
        assert!(outcome(results([1; 100])).is_within_bounds());
        assert!(outcome(results((0..100).map(|number| if number == 0 { 61 } else { 1 }))).is_within_bounds());
        assert!(
            !outcome(results((0..100).map(|number| if number == 0 { 62 } else { 1 }))).is_within_bounds()
        );
        assert!(!outcome(results([3; 100])).is_within_bounds());
        let failed = RequestResult { failed: true, ..results([1])[0] };
        assert!(!outcome(vec![failed]).is_within_bounds());
        let late = Outcome { back_after: Duration::from_secs(2), ..outcome(results([1])) };
        assert!(!late.is_within_bounds());
    }
}
