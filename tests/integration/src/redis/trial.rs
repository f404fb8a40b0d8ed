//! The test for every kind of Redis: instances share it, and no client notices a fault.

use std::time::{Duration, Instant};

use larder::{Invalidation, InvalidationOutcome};
use larder_core::invalidation::selector::{Prefix, UriName};

use super::deployment::Deployment;
use super::instance::{Instance, Setup};
use super::phase::Phase;
use super::traffic::{Summary, Traffic};

/// The bound on staleness in a [`Trial`]: short, so that the traffic runs for several times as
/// long.
pub const TRIAL_STALENESS: Duration = Duration::from_secs(1);

/// How long hits may take to resume after a fault.
///
/// On a busy machine, commands reach their timeout, so circuits open again and again.
const MAX_RECOVERY_TIME: Duration = Duration::from_secs(180);

/// The number of responses that must be shared at once, so that each part of a cluster has some.
const PROBES: usize = 16;

/// Checks that a response of one instance is a hit on the other, and that an invalidation by tag,
/// key or prefix on one instance takes effect on the other.
pub async fn shares_and_invalidates(deployment: &Deployment) {
    let (a, b) = (deployment.instance().await, deployment.instance().await);
    are_shared(&a, &b).await;
    for (round, (path, what)) in [
        ("/values/1", Invalidation::tag("value:1")),
        ("/by-key/1", Invalidation::key("by-key:1")),
        ("/languages/1", Invalidation::of(Prefix::new("/languages").unwrap())),
    ]
    .into_iter()
    .enumerate()
    {
        let text = |version: usize| match path {
            "/languages/1" => format!("v{version} in any"),
            _ => format!("v{version}"),
        };
        for instance in [&a, &b] {
            instance.shows(path, &text(round + 1)).await;
            instance.hits(path).await;
        }
        let _ = deployment.truth.change(1);
        assert_eq!(a.cache.invalidate(what).await, InvalidationOutcome::Applied);
        assert_eq!(a.get(path).await.text(), text(round + 2), "{path}");
        b.shows(path, &text(round + 2)).await;
        // The other paths show the same value, and may do so until they are invalidated as well.
        assert_eq!(a.cache.invalidate(Invalidation::tag("value:1")).await, InvalidationOutcome::Applied);
        b.catches_up().await;
    }
}

/// Waits until each response that one instance fills is a hit on the other.
async fn are_shared(one: &Instance, other: &Instance) {
    let mut left: Vec<_> = (0..PROBES).map(|_| format!("/probe/{:x}", fastrand::u64(..))).collect();
    let sharing = async {
        let mut pause = Duration::from_millis(20);
        loop {
            for path in &left {
                one.get(path).await;
            }
            // The response is stored after the answer.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
            let mut missed = Vec::new();
            for path in left.drain(..) {
                if other.get(&path).await.outcome() != "HIT shared" {
                    // Otherwise it would stay in memory, and never be stored in Redis.
                    let _ = one.cache.invalidate(UriName::new(&path).unwrap()).await;
                    missed.push(path);
                }
            }
            if missed.is_empty() {
                return;
            }
            left = missed;
        }
    };
    let limit = tokio::time::timeout(MAX_RECOVERY_TIME, sharing).await;
    limit.unwrap_or_else(|_| panic!("responses are not shared within {MAX_RECOVERY_TIME:?}"));
}

/// Three instances with continuous traffic during a fault of Redis. The third one has no memory
/// tier.
#[derive(Debug)]
pub struct Trial {
    /// The instances.
    pub instances: [Instance; 3],
    traffic: Traffic,
    healthy: Phase,
}

impl Trial {
    /// Starts the instances, and the traffic.
    pub async fn start(deployment: &Deployment) -> Self {
        let setup = |memory| Setup { memory, max_staleness: TRIAL_STALENESS, ..Setup::real() };
        let memory = Setup::default().memory;
        let instances = [
            deployment.joined(setup(memory)).await,
            deployment.joined(setup(memory)).await,
            deployment.joined(setup(0)).await,
        ];
        let [a, b, c] = &instances;
        let traffic = Traffic::start_calmly(&deployment.truth, TRIAL_STALENESS, &[a, b, c]);
        traffic.flows(100).await;
        let _ = traffic.phase();
        traffic.flows(400).await;
        let healthy = traffic.phase();
        Self { instances, traffic, healthy }
    }

    /// Runs `fault`, which ends when the servers have recovered. Then checks that no client saw an
    /// error or an invalidated value, and that hits resume. Prints the observations as a row of a
    /// table.
    pub async fn survives<T>(self, what: &str, fault: impl Future<Output = T>) -> Summary {
        let begun = Instant::now();
        fault.await;
        let repaired = begun.elapsed();
        let [a, b, c] = &self.instances;
        for (one, other) in [(a, b), (b, c), (c, a)] {
            are_shared(one, other).await;
        }
        let hits_again = begun.elapsed();
        let during = self.traffic.phase();
        self.traffic.flows(200).await;
        let summary = self.traffic.stop().await;
        summary.is_right();
        during.is_bounded(&self.healthy);
        print_row(what, &self.healthy, &during, repaired, hits_again, &summary);
        summary
    }
}

fn print_row(
    what: &str,
    healthy: &Phase,
    during: &Phase,
    repaired: Duration,
    hits_again: Duration,
    all: &Summary,
) {
    let ms = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e3);
    println!(
        "| {what} | {} | {} | {} % | {} / {} / {} | {} / {} / {} | {} | {:.1} s | {:.1} s |",
        during.requests,
        all.wrong.len(),
        100 * during.hits / during.requests.max(1),
        ms(healthy.p50),
        ms(healthy.p99),
        ms(healthy.max),
        ms(during.p50),
        ms(during.p99),
        ms(during.max),
        ms(during.slowest_invalidation),
        repaired.as_secs_f64(),
        hits_again.as_secs_f64(),
    );
}
