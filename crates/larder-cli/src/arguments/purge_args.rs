//! The arguments of `larder purge`.

use clap::Args;

/// The arguments of `larder purge`. Each selector can be given several times.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct PurgeArgs {
    #[command(flatten)]
    pub(crate) selectors: SelectorArgs,

    /// Makes stale what is purged, and does not refuse it: it is served while it is filled again.
    #[arg(long)]
    pub(crate) soft: bool,

    /// Shows what would be purged, and changes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Fills the most requested N of the purged responses again at once. Needs an admin URL.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        hide_default_value = true,
        conflicts_with = "dry_run"
    )]
    pub(crate) refill: u32,

    /// Confirms `--all`, which otherwise asks on a terminal.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// The responses and values to purge.
#[derive(Debug, Clone, Default, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct SelectorArgs {
    /// Everything with this tag.
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,

    /// Everything with this key, as `larder explain` and `larder top` show it.
    #[arg(long = "key", value_name = "KEY")]
    pub(crate) keys: Vec<String>,

    /// The responses of this URI, such as `/products?page=2`.
    #[arg(long = "uri", value_name = "URI")]
    pub(crate) uris: Vec<String>,

    /// Everything at this path and below it, such as `/products`.
    #[arg(long = "prefix", value_name = "PATH")]
    pub(crate) prefixes: Vec<String>,

    /// Every path that matches, such as `/products/*/reviews`.
    #[arg(long = "glob", value_name = "PATTERN")]
    pub(crate) globs: Vec<String>,

    /// Everything.
    #[arg(long)]
    pub(crate) all: bool,
}
