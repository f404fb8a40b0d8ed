//! Which invalidations to show.

use std::time::Duration;

use clap::Args;

/// Which invalidations to show.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct TailArgs {
    /// Ends after this many invalidations.
    #[arg(long, short = 'n', value_name = "N")]
    pub(crate) count: Option<u64>,

    /// Begins with the invalidations of the time before, such as 10m. Needs Redis.
    #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
    pub(crate) since: Option<Duration>,
}
