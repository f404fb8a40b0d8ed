//! Explores Larder's concurrent code with [loom].
//!
//! loom runs a scenario in every order of its threads' steps, and with every value that the memory
//! model lets a thread see.
//!
//! The explored sources are those of `larder` itself: `engine/invalidation_log/view.rs`,
//! `engine/fill_scope.rs`, `flight.rs`, `flight_waits.rs` and `client_count.rs` in
//! `engine/coalesce/`, and `http/body/shared_body.rs`. Here, they use loom's types instead of those
//! of the standard library and tokio. Each source is included once unchanged, and once for each of
//! its mistakes in `mistakes.rs`. Every mistake has to be found. A mistake that is not found shows
//! that the exploration does not cover the code that it is for.

// These are helpers of tests, so they may panic.
#![allow(clippy::expect_used)]

pub mod bodies;
pub mod client_counts;
mod engine;
pub mod fill_scopes;
pub mod flight_waits;
pub mod flights;
mod http;
mod memory;
#[path = "../../../crates/larder/src/engine/invalidation_log/stamped.rs"]
mod stamped;
mod sync;
pub mod views;

use std::env;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::model::Builder;

/// Explores a scenario, and returns the number of orders in which it ran.
///
/// With `preemptions`, explores only orders in which threads are interrupted at most that often.
///
/// # Panics
///
/// Panics if an assertion of the scenario fails in one order, or if all threads wait forever.
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

/// The mistakes to find.
///
/// Each has a name, the words that the output must contain, and a function that explores it.
pub type Mistakes<'a> = &'a [(&'a str, &'a str, fn() -> usize)];

/// The environment variable with the mistake to look for. Set in processes that do nothing else.
const MISTAKE: &str = "LARDER_MISTAKE";

/// Looks for each mistake, in a separate process that runs this `test` again.
///
/// The separate process is needed because loom cannot always clean up after an exploration that
/// fails, or one in which all threads wait.
///
/// # Panics
///
/// Panics if a mistake is not found, or if the output does not contain its words.
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
