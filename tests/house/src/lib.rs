//! Checks on the layout of Larder's source code.
//!
//! Each rule reads source text only, so that it can be tested on a few lines in memory. The tests
//! of this package hold the rules on the workspace; `cargo run -p larder-house` prints every
//! violation at once.

mod architecture;
mod circles;
mod code;
mod file_names;
mod graph;
mod impl_homes;
mod lengths;
mod parameters;
mod rule;
mod storeys;
mod workspace;

pub use circles::Detail;
pub use rule::Rule;
pub use workspace::{Workspace, workspace_root};
