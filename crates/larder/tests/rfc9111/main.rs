//! `Policy::rfc9111`: header fields alone control the cache.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

mod directives;
mod invalidating;
mod ranges;
mod selecting;
mod storing;
mod support;
mod validating;
