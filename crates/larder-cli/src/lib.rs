//! The command line of the [Larder](https://docs.rs/larder) HTTP cache is the program `larder`.
//!
//! This library has only documentation, so that the findings of `larder doctor` have stable
//! addresses: [`findings`].

#[doc = include_str!("findings.md")]
pub mod findings {}
