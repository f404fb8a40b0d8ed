//! Checks that parsing header fields never panics, and that the results agree with
//! `http-cache-semantics` wherever both define one.

#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

mod any_bytes;
mod differential;
mod given;
mod histories;

use http::{HeaderMap, StatusCode};
use larder_core::http::freshness::Override;
use larder_core::http::storable::{Credentials, Judged, StoreRules, judge};
use larder_core::outcome::NotStored;
use larder_core::time::Wall;
use proptest::test_runner::Config;

/// The arrival of every response: Sun, 06 Nov 1994 08:49:37 GMT.
const ARRIVAL: Wall = Wall::from_unix_millis(784_111_777_000);

/// Configures this many cases. A failing case becomes a row of a table, so no file is written.
fn cases(cases: u32) -> Config {
    Config { failure_persistence: None, ..Config::with_cases(cases) }
}

fn judged(
    rules: &StoreRules,
    credentials: Credentials,
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Judged, NotStored> {
    judged_at(rules, credentials, request, status, headers, ARRIVAL)
}

fn judged_at(
    rules: &StoreRules,
    credentials: Credentials,
    request: &HeaderMap,
    status: StatusCode,
    headers: &HeaderMap,
    now: Wall,
) -> Result<Judged, NotStored> {
    judge(rules, credentials, request, status, headers, &Override::default(), now, now)
}
