//! Whole-system tests live in the files beside this one; here is what they share.

pub mod http;
#[cfg(unix)]
pub mod redis;

/// Every Rust block of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
