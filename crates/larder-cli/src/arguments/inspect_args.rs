//! Which key to look at.

use clap::Args;

/// Which key to look at.
#[derive(Debug, Clone, Args)]
pub(crate) struct InspectArgs {
    /// The key, as `larder explain` and `larder top` show it.
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
}
