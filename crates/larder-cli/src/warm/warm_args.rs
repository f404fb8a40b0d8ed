//! The arguments of `larder warm`.

use std::path::PathBuf;

use clap::Args;

use crate::arguments::HeaderArg;
use crate::cli_error::CliError;

/// The most pages of one run.
const MAX_PAGES: u64 = 1_000_000;

/// The arguments of `larder warm`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("pages").required(true).multiple(true).args(["from", "top"]))]
pub(crate) struct WarmArgs {
    /// A file with pages: an access log (common or combined format), a sitemap, or one URL a line.
    /// The program finds out which. `-` is the standard input. Can be given several times.
    #[arg(long, value_name = "FILE")]
    pub(super) from: Vec<PathBuf>,

    /// Only the most requested N pages: of the access logs of `--from`, or without them, of the
    /// cache at the admin URL.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MAX_PAGES))]
    pub(super) top: Option<u64>,

    /// The most pages that are requested. The others are left out.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=MAX_PAGES))]
    pub(super) limit: u64,

    /// Sends the requests to the application at this URL, such as http://127.0.0.1:3000. Without
    /// it, the application at the admin URL requests its own pages.
    #[arg(long, value_name = "URL")]
    pub(super) to: Option<String>,

    /// The host of all pages, in place of their own. Keys contain the host, so it has to be the one
    /// that clients use.
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,

    /// A header field of each request. A value `$NAME` is read from the environment.
    #[arg(long = "header", short = 'H', value_name = "FIELD")]
    pub(super) headers: Vec<HeaderArg>,

    /// The most requests at the same time.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(super) concurrency: u16,

    /// The most requests in a second.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(super) rate: u32,
}

impl WarmArgs {
    /// Returns the number of pages, if no file has them.
    pub(super) fn top_count(&self) -> Result<usize, CliError> {
        let top = self.top.ok_or_else(|| CliError::usage("`--from` or `--top` names the pages"))?;
        Ok(usize::try_from(top.min(self.limit)).unwrap_or(usize::MAX))
    }
}
