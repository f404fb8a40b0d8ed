//! An application with an admin router, and the program that talks to it.

mod application;
mod program;

pub(crate) use application::{Application, router};
pub(crate) use program::{Program, Run, Running};

/// Permits everything.
pub(crate) const OPERATOR: &str = "operator-0123456789abcdef";
/// Only permits to read.
pub(crate) const READER: &str = "reader-0123456789abcdef";
