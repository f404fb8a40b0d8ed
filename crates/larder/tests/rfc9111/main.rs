//! `Policy::rfc9111`: what header fields alone make a cache do.
#![allow(clippy::unwrap_used)] // In tests, helpers of tests too.

mod directives;
mod invalidating;
mod ranges;
mod selecting;
mod storing;
mod support;
mod validating;
