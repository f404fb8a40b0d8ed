//! Which invalidations to show.

use clap::Args;

/// Which invalidations to show.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TailArgs {
    /// Ends after this many invalidations.
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) count: Option<u64>,
}
