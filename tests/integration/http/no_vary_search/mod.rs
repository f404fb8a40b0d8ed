//! Requests whose queries differ only in irrelevant parameters: `No-Vary-Search`
//! (draft-ietf-httpbis-no-vary-search-10).

mod invalidating;
mod matching;
mod random;
mod reusing;
mod waiting;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use http::{Method, StatusCode};
use larder::{Cache, Invalidation, InvalidationOutcome, Policy, UriName};
use larder_core::http::no_vary_search::UrlVariation;
use larder_testing::{Answer, Gate, Origin, Step};
use larder_tests::http::{Page, Site, soon};
use tower::Layer as _;

use crate::support::{all, at_once, cache, hourly, secs, site, site_behind_door, stored};

const UTM: &str = r#"params=("utm" "ref")"#;

fn enabled() -> Policy {
    hourly().no_vary_search()
}

/// Returns an origin that answers with the query and the number of calls, and this
/// `No-Vary-Search`.
fn saying(field: &'static str) -> Origin {
    Origin::new(move |request, call| {
        Answer::ok(format!("{} #{call}", request.uri.query().unwrap_or("-"))).header("no-vary-search", field)
    })
}

async fn summary(site: &Site, paths: &[&str]) -> Vec<(String, String)> {
    let mut summary = Vec::new();
    for path in paths {
        summary.push(site.get(path).await.summary());
    }
    summary
}

/// Whether the response answers this path by its own field. Its body is the query of the original
/// request.
fn answers(page: &Page, path: &str) -> bool {
    let query = path.split_once('?').map(|(_, query)| query);
    let made_for = page.text();
    let made_for = made_for.split(' ').next().filter(|query| !query.is_empty() && *query != "-");
    match UrlVariation::of(&page.headers) {
        None => query == made_for,
        Some(variation) => variation.canonical(query) == variation.canonical(made_for),
    }
}
