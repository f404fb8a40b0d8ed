//! Tests of `Policy::rfc9111`: a cache that is controlled by header fields alone.
#![allow(clippy::unwrap_used)] // Also for the helpers of tests.

mod directives;
mod invalidating;
mod ranges;
mod selecting;
mod storing;
mod support;
mod validating;
