//! The admin router, nested in an application as users nest it.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, reason = "tests")]

mod access;
mod alerts;
mod audit;
mod client;
mod console;
mod console_files;
mod dashboard;
mod feed;
mod fleet_switches;
mod leaving;
mod metric_labels;
mod openapi;
mod operations;
mod support;
