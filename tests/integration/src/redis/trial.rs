//! What is asked of every kind of Redis: that instances share it, and that no client notices what
//! happens to it.

use std::time::{Duration, Instant};

use larder::{Invalidated, Invalidation};
use larder_core::log::selector::{Prefix, UriName};

use super::deployment::Deployment;
use super::instance::{Instance, Setup};
use super::phase::Phase;
use super::traffic::{Summary, Traffic};

/// The bound on staleness in a [`Trial`]: short, so that traffic goes on for several times as long.
pub const TRIAL_STALENESS: Duration = Duration::from_secs(1);

/// How long the servers may take to mend a fault, which is theirs to say.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many responses have to be shared at once, so that each part of a cluster has some.
const PROBES: usize = 16;

/// What one instance fills is a hit on the other, and what one invalidates, by tag, key or prefix,
/// is gone on the other.
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
        assert_eq!(a.cache.invalidate(what).await, Invalidated::Applied);
        assert_eq!(a.get(path).await.text(), text(round + 2), "{path}");
        b.shows(path, &text(round + 2)).await;
        // The other paths show the same value, and may do so until they are invalidated as well.
        assert_eq!(a.cache.invalidate(Invalidation::tag("value:1")).await, Invalidated::Applied);
        b.catches_up().await;
    }
}

/// Waits until each of what one instance fills was a hit on the other.
async fn are_shared(one: &Instance, other: &Instance) {
    let mut left: Vec<_> = (0..PROBES).map(|_| format!("/probe/{:x}", fastrand::u64(..))).collect();
    let sharing = async {
        let mut pause = Duration::from_millis(20);
        loop {
            for path in &left {
                one.get(path).await;
            }
            // They are stored behind the answer.
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_millis(500));
            let mut missed = Vec::new();
            for path in left.drain(..) {
                if other.get(&path).await.outcome() != "HIT shared" {
                    // Or else it would stay in memory, and never be stored again.
                    one.cache.invalidate(UriName::new(&path).unwrap()).await;
                    missed.push(path);
                }
            }
            if missed.is_empty() {
                return;
            }
            left = missed;
        }
    };
    let limit = tokio::time::timeout(PATIENCE, sharing).await;
    limit.unwrap_or_else(|_| panic!("responses are not shared within {PATIENCE:?}"));
}

/// Three instances with readers and writers that go on while something happens to Redis. The third
/// keeps nothing in memory.
#[derive(Debug)]
pub struct Trial {
    /// The instances.
    pub instances: [Instance; 3],
    traffic: Traffic,
    healthy: Phase,
}

impl Trial {
    /// Starts the instances, and traffic on them.
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

    /// Lets `fault` happen, which ends when the servers have mended it. Then checks that no client
    /// saw an error or what was invalidated, and that there are hits again; and prints what clients
    /// saw as a line of a table.
    pub async fn survives<T>(self, what: &str, fault: impl Future<Output = T>) -> Summary {
        let begun = Instant::now();
        fault.await;
        let mended = begun.elapsed();
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
        print_row(what, &self.healthy, &during, mended, hits_again, &summary);
        summary
    }
}

fn print_row(
    what: &str,
    healthy: &Phase,
    during: &Phase,
    mended: Duration,
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
        mended.as_secs_f64(),
        hits_again.as_secs_f64(),
    );
}
