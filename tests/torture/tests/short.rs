//! A short run with every fault. It checks only the promises, and no figure that depends on the
//! machine.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

/// Few requests, so that a busy machine with two cores keeps up.
const GENTLE: [&str; 4] = ["--reads", "100", "--writes", "12"];

fn torture(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_larder-torture")).args(GENTLE).args(args).output().unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stderr) + &text(&output.stdout)
}

#[test]
fn every_promise_holds_under_every_fault() {
    let output = torture(&["--instances", "3", "--seconds", "15", "--seed", "20"]);
    println!("{}", said(&output));
    assert!(output.status.success());
}

/// Most writers of these values overlap. The other run has too few of them in its short time.
#[test]
fn written_values_hold_every_promise_under_every_fault() {
    let families = ["--families", "write-through,nested", "--seed", "21"];
    let output = torture(&[&["--instances", "3", "--seconds", "15"][..], &families].concat());
    println!("{}", said(&output));
    assert!(output.status.success());
}

/// A checker that misses an existing violation proves nothing, so each broken rule must be found.
fn is_found(rule: &str, run: &[&str]) {
    let args = ["--instances", "3", "--seconds", "60", "--seed", "1", "--max-staleness", "500ms"];
    let output = torture(&[&args[..], &["--breaks", rule, "--until-violation"], run].concat());
    let said = said(&output);
    println!("{said}");
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("VIOLATION of P"), "in words");
}

#[test]
fn a_write_that_begins_after_its_commit_is_found() {
    is_found("begins-after-commit", &["--faults", "none", "--families", "write-through"]);
}

#[test]
fn an_event_that_is_lost_on_its_way_is_found() {
    is_found("loses-events", &["--faults", "none"]);
}

#[test]
fn a_look_that_confirms_without_an_answer_is_found() {
    is_found("confirms-blindly", &["--faults", "blackhole"]);
}
