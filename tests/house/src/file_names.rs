//! A file name occurs once in a crate.
