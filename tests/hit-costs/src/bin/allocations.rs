//! Prints the allocations of one hit of each case: its name, their number, and their bytes in
//! total.
#![allow(clippy::expect_used, reason = "without a runtime there is nothing to measure")]

use allocation_counter::measure;
use clap::ValueEnum;
use larder_hit_costs::Case;
use tokio::runtime::Builder;

fn main() {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _entered = runtime.enter();
    for case in Case::value_variants() {
        let mut hit = case.hit(&runtime);
        // The first hits create things that later ones reuse, so they are not counted.
        (0..100).for_each(|_| hit.once());
        let allocated = measure(|| hit.once());
        println!("{} {} {}", case.name(), allocated.count_total, allocated.bytes_total);
    }
}
