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

const QUEUED: [&str; 4] = ["--instances", "4", "--families", "write-behind"];

#[test]
fn queued_writes_hold_every_promise_under_every_fault_that_they_survive() {
    let output = torture(&[&QUEUED[..], &["--seconds", "15", "--seed", "22"]].concat());
    println!("{}", said(&output));
    assert!(output.status.success());
}

#[test]
fn queued_writes_on_a_replica_survive_a_failover() {
    let failover = ["--durability", "replicas", "--faults", "failover,stop-instance"];
    let output = torture(&[&QUEUED[..], &failover, &["--seconds", "15", "--seed", "23"]].concat());
    println!("{}", said(&output));
    assert!(output.status.success());
}

/// The right to read saves work. What keeps the order is the sink, which compares numbers.
#[test]
fn readers_without_a_right_break_nothing() {
    let breaks = ["--breaks", "ignores-lost-lease", "--faults", "stop-instance,restart-instance"];
    let output = torture(&[&QUEUED[..], &breaks, &["--seconds", "10", "--seed", "24"]].concat());
    println!("{}", said(&output));
    assert!(output.status.success());
}

#[test]
fn losses_that_queued_writes_do_not_survive_are_refused() {
    for wrong in [&["--faults", "flush"][..], &["--faults", "failover"], &["--families", "tag,write-behind"]]
    {
        let output = torture(&[&QUEUED[..2], &["--families", "write-behind"], wrong].concat());
        assert_eq!(output.status.code(), Some(1), "{wrong:?}");
    }
}

/// A checker that misses an existing violation proves nothing, so each broken rule must be found.
fn is_found(rule: &str, run: &[&str]) {
    let args = ["--instances", "3", "--seconds", "60", "--seed", "1", "--max-staleness", "500ms"];
    let output = torture(&[&args[..], &["--breaks", rule, "--until-violation"], run].concat());
    let said = said(&output);
    println!("{said}");
    assert_eq!(output.status.code(), Some(3));
    assert!(said.contains("VIOLATION of "), "in words");
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

#[test]
fn a_sink_that_compares_no_numbers_is_found() {
    is_found("no-fence", &["--families", "write-behind"]);
}

#[test]
fn a_write_that_is_acknowledged_before_its_push_is_found() {
    is_found("acknowledges-early", &["--families", "write-behind"]);
}

#[test]
fn a_write_that_leaves_the_queue_before_its_flush_is_found() {
    is_found("completes-early", &["--families", "write-behind"]);
}

#[test]
fn a_load_that_does_not_ask_for_pending_values_is_found() {
    is_found("ignores-pending", &["--faults", "none", "--families", "write-behind"]);
}

#[test]
fn a_push_that_takes_effect_after_it_failed_is_found() {
    is_found("pushes-late", &["--faults", "none", "--families", "write-behind"]);
}

#[test]
fn a_repeated_push_that_is_queued_twice_is_found() {
    is_found("forgets-ids", &["--faults", "none", "--families", "write-behind"]);
}
