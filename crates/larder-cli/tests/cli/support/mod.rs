//! An application with an admin router, and the program that talks to it.

mod application;
mod program;
#[cfg(unix)]
mod terminal;

pub(crate) use application::{Application, router};
pub(crate) use program::{Program, Run, Running};
#[cfg(unix)]
pub(crate) use terminal::Terminal;

/// Permits everything.
pub(crate) const OPERATOR: &str = "operator-0123456789abcdef";
/// Only permits to read.
pub(crate) const READER: &str = "reader-0123456789abcdef";
