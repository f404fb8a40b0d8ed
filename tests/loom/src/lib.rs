//! Tests of concurrent code of Larder with [loom], which explores every interleaving of threads and
//! every value that the memory model allows them to see.
//!
//! The explored sources are files of `larder` itself: `log/view.rs`, `fill/flight.rs`,
//! `fill/arriving.rs` and `fill/audience.rs`. Here they use loom's types in place of those of the
//! standard library and tokio. Each file is explored unchanged, and once for each mistake of
//! `mistakes.rs`. Every mistake must be found; otherwise the exploration would not cover what it
//! should.

// Helpers of tests may panic.
#![allow(clippy::expect_used)]

pub mod audiences;
pub mod bodies;
mod fill;
pub mod flights;
mod memory;
mod sync;
pub mod views;

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Explores a scenario. Returns the number of explored interleavings. `preemptions` limits how
/// often threads are interrupted.
///
/// # Panics
///
/// Panics if an interleaving fails an assertion of the scenario, or deadlocks.
pub fn explore(preemptions: impl Into<Option<usize>>, scenario: impl Fn() + Send + Sync + 'static) -> usize {
    let orders = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&orders);
    let mut builder = Builder::new();
    builder.preemption_bound = preemptions.into();
    builder.check(move || {
        counted.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    orders.load(Ordering::Relaxed)
}

/// Mistakes: the name, the expected message, and the exploration that finds it.
pub type Mistakes<'a> = &'a [(&'a str, &'a str, fn() -> usize)];

/// The environment variable with the mistake to explore, for a child process.
const MISTAKE: &str = "LARDER_MISTAKE";

/// Explores each mistake in a child process that runs this `test` again. A failed or deadlocked
/// exploration leaves loom in a state that cannot always be cleared.
///
/// # Panics
///
/// Panics if a mistake is not found, or not with the expected message.
pub fn must_be_found(test: &str, mistakes: Mistakes<'_>) {
    if let Ok(name) = env::var(MISTAKE) {
        let (.., explored) =
            mistakes.iter().find(|(known, ..)| *known == name).expect("a mistake of that name");
        println!("nothing was found in {} orders", explored());
        return;
    }
    for (name, words, _) in mistakes {
        let program = env::current_exe().expect("this program");
        let mut again = Command::new(program);
        again.args(["--exact", test, "--nocapture"]).env(MISTAKE, name).env("RUST_BACKTRACE", "0");
        let output = again.output().expect("it runs again");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said);
        assert!(!output.status.success() && said.contains(words), "{name}: {said}");
    }
}
