//! The time of a fresh hit in memory.
#![allow(clippy::expect_used, reason = "without a runtime there is nothing to measure")]

use clap::ValueEnum;
use divan::Bencher;
use larder_hit_costs::Case;
use tokio::runtime::Builder;

fn main() {
    divan::main();
}

#[divan::bench(args = Case::value_variants(), sample_count = 200, sample_size = 500)]
fn hit(bencher: Bencher<'_, '_>, case: &Case) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    let mut hit = case.hit(&runtime);
    bencher.bench_local(|| hit.once());
}
