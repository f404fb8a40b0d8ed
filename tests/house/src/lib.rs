//! Checks on the layout of Larder's source code.
//!
//! | module | rule |
//! | --- | --- |
//! | [`circles`] | In no folder do files and subfolders depend on each other in a circle. |
//! | [`storeys`] | `engine/` of `larder` knows no HTTP; `http/` and `values/` do not know each other. |
//! | [`lengths`] | A function fits on one screen. |
//! | [`file_names`] | A file name occurs once in a crate. |
//! | [`architecture`] | The files that `ARCHITECTURE.md` names exist. |
//!
//! The rules read source text only, so that each can be tested on a few lines in memory.
//! `cargo run -p larder-house` prints all violations, `--all` with every line behind them.

pub mod architecture;
pub mod circles;
pub mod file_names;
pub mod graph;
pub mod lengths;
pub mod module_tree;
pub mod names;
pub mod references;
pub mod report;
pub mod sources;
pub mod storeys;
mod test_only;
mod tokens;
mod use_tree;
