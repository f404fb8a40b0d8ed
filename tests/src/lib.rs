//! Whole-system tests live in the files beside this one; here is what they share.

#[cfg(unix)]
pub mod redis;
