//! The shared code of the whole-system tests, which are in the folders beside this one.

pub mod http;
#[cfg(unix)]
pub mod redis;

/// Compiles every Rust block of the README.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
