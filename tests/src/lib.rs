//! What the whole-system tests, in the files beside this one, share.

pub mod http;
