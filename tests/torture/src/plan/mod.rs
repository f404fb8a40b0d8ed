//! The plan of a run: requests and faults, which are drawn from a seed before the run begins.

mod durability;
mod faults;
mod requests;

pub use durability::QueueDurability;
pub use faults::{Act, Fault, FaultKind, Flush, Lane, Victim};
pub use requests::{Action, Request};

use std::time::Duration;

use crate::item::Family;

/// The parameters of a run.
#[derive(Debug, Clone)]
#[allow(clippy::exhaustive_structs)]
pub struct Shape {
    /// The seed of everything random.
    pub seed: u64,
    /// How long requests are sent.
    pub time: Duration,
    /// The number of instances.
    pub instances: usize,
    /// Reads per second, over all instances.
    pub reads: f64,
    /// Writes per second, over all instances.
    pub writes: f64,
    /// The families that are read and written.
    pub families: Vec<Family>,
    /// The kinds of faults.
    pub faults: Vec<FaultKind>,
}

impl Shape {
    /// Whether its writes are queued.
    #[must_use]
    pub fn has_queue(&self) -> bool {
        self.families.iter().any(|family| family.is_queued())
    }
}

/// The plan of a run. The same parameters give the same plan.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)]
pub struct Plan {
    /// The requests, by due time.
    pub requests: Vec<Request>,
    /// The faults of the servers, one after the other.
    pub server_faults: Vec<Fault>,
    /// The faults of instances and of their connections to the servers, one after the other.
    pub instance_faults: Vec<Fault>,
}

impl Plan {
    /// Draws a plan.
    #[must_use]
    pub fn draw(shape: &Shape) -> Self {
        Self {
            requests: requests::draw(shape),
            server_faults: faults::draw(shape, Lane::Servers),
            instance_faults: faults::draw(shape, Lane::Instances),
        }
    }
}

/// Draws the pause before the next of several independent events (exponential distribution). It is
/// never zero.
fn pause(random: &mut fastrand::Rng, rate: f64) -> Duration {
    let waited = -(1.0 - random.f64()).ln() / rate;
    Duration::from_secs_f64(waited.clamp(1e-6, 3600.0))
}

fn between(random: &mut fastrand::Rng, least: u64, most: u64) -> Duration {
    Duration::from_millis(random.u64(least..=most))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(seed: u64) -> Shape {
        let time = Duration::from_secs(30);
        let (families, faults) = (Family::ALL.to_vec(), FaultKind::ALL.to_vec());
        Shape { seed, time, instances: 3, reads: 200.0, writes: 20.0, families, faults }
    }

    #[test]
    fn a_seed_gives_one_plan_and_another_seed_another() {
        assert_eq!(Plan::draw(&shape(1)), Plan::draw(&shape(1)));
        assert_ne!(Plan::draw(&shape(1)), Plan::draw(&shape(2)));
    }

    #[test]
    fn requests_come_at_about_their_rate_and_in_order() {
        let plan = Plan::draw(&shape(1));
        assert!(plan.requests.is_sorted_by_key(|request| request.due));
        let reads =
            plan.requests.iter().filter(|request| matches!(request.action, Action::Read { .. })).count();
        let writes = plan.requests.len() - reads;
        assert!((5_000..7_000).contains(&reads), "{reads}");
        assert!((450..800).contains(&writes), "{writes}");
        assert!(plan.requests.iter().all(|request| request.instance < 3));
    }

    #[test]
    fn only_faults_that_were_asked_for_are_inflicted() {
        let plan = Plan::draw(&Shape { faults: vec![FaultKind::Cut, FaultKind::Flush], ..shape(1) });
        let kinds = |faults: &[Fault]| faults.iter().map(|fault| fault.act.kind()).collect::<Vec<_>>();
        assert!(kinds(&plan.server_faults).iter().all(|kind| *kind == FaultKind::Flush));
        assert!(kinds(&plan.instance_faults).iter().all(|kind| *kind == FaultKind::Cut));
        assert!(!plan.server_faults.is_empty() && !plan.instance_faults.is_empty());
        let plan = Plan::draw(&Shape { faults: Vec::new(), families: vec![Family::Tag], ..shape(1) });
        assert!(plan.requests.iter().all(|request| request.item.family == Family::Tag));
        assert!(plan.server_faults.is_empty() && plan.instance_faults.is_empty());
    }
}
