//! The code of a crate: its modules, their names, and what each file refers to.

pub(crate) mod functions;
mod module_tree;
mod names;
mod references;
mod resolve;
pub(crate) mod test_only;
mod tokens;
mod use_tree;

pub(crate) use references::{Reference, references};
