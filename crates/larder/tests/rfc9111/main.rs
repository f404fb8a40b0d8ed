//! `Policy::rfc9111`: what header fields alone make a cache do.
#![allow(clippy::unwrap_used)] // In tests, helpers of tests too.

mod storing;
mod support;
