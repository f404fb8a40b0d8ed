//! Sends hits for a tool that counts instructions. The difference between two runs with different
//! numbers is the cost of the hits alone.
#![allow(clippy::expect_used, reason = "without a runtime there is nothing to measure")]

use clap::Parser;
use larder_hit_costs::Case;
use tokio::runtime::Builder;

#[derive(Parser)]
struct Args {
    /// The service that answers.
    #[arg(value_enum)]
    case: Case,
    /// The number of hits.
    number: u64,
}

fn main() {
    let args = Args::parse();
    #[cfg(feature = "metrics")]
    record_metrics();
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut hit = args.case.hit(&runtime);
    for _ in 0..args.number {
        hit.once();
    }
}

/// Installs the recorder that applications use.
#[cfg(feature = "metrics")]
fn record_metrics() {
    let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
    metrics::set_global_recorder(recorder).expect("the first recorder");
}
