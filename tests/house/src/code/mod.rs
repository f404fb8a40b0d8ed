//! The code of a crate: its modules, their names, and what each file refers to.

pub(crate) mod functions;
mod module_tree;
mod names;
mod references;
mod resolve;
pub(crate) mod test_only;
mod tokens;
mod use_tree;

use anyhow::{Context, Result};

pub(crate) use references::{Reference, references};

/// Parses the text of a source file.
pub(crate) fn parse(path: &str, text: &str) -> Result<syn::File> {
    syn::parse_file(text).with_context(|| format!("cannot parse {path}"))
}
