//! The cache key and its unambiguous encoding.

pub mod authority;
