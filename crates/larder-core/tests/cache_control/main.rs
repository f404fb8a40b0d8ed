//! Reading header fields never panics, and the rules agree with `http-cache-semantics`.
//!
//! The two are compared wherever both answer the question.

#![allow(clippy::unwrap_used)] // clippy.toml allows it in tests, but not in shared helpers.

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

/// The moment at which every response arrives: Sun, 06 Nov 1994 08:49:37 GMT.
const ARRIVAL: Wall = Wall::from_unix_millis(784_111_777_000);

/// Returns a configuration with this many cases.
///
/// A failing case becomes a line in a table, and not a file beside it.
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
