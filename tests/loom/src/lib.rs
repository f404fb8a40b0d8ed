//! What threads can do to each other in Larder, explored with [loom]: every order of their steps, and what the memory model
//! lets them see.
//!
//! The explored sources are those of `larder` itself, `engine/invalidation_log/view.rs`,
//! `engine/coalesce/flight.rs`, `engine/coalesce/client_count.rs` and `http/body/shared_body.rs`, which find loom's types where
//! `larder` has the standard library's and tokio's. Each is there once as it is, and once for each mistake of
//! `mistakes.rs`, which has to be found: else the exploration would not reach what it is for.

// A test's helpers fail as loudly as it does.
#![allow(clippy::expect_used)]

pub mod bodies;
pub mod client_counts;
mod engine;
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

/// Explores a scenario, and tells in how many orders it ran. With `preemptions`, only those in which threads are
/// interrupted at most so often.
///
/// # Panics
/// If an order breaks what the scenario expects, or has all threads wait for ever.
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

/// Mistakes, by name: the words with which they have to be found, and how.
pub type Mistakes<'a> = &'a [(&'a str, &'a str, fn() -> usize)];

/// The name of the mistake to look for, in a process that does nothing else.
const MISTAKE: &str = "LARDER_MISTAKE";

/// Looks for each mistake, in a process of its own that runs this `test` again: loom leaves an exploration that fails, or
/// one whose threads all wait, in a state that cannot always be cleared away.
///
/// # Panics
/// If one is not found, or not with its words.
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
