//! Prints the hit ratios of Larder, moka, foyer and an optimal oracle as Markdown tables.

mod tables;

use clap::{Parser, ValueEnum};
use larder_hit_ratio::{Scale, Sizes};

/// Replay traces on Larder's memory tier, on moka and on foyer, and print their hit ratios.
#[derive(Parser)]
#[command(name = "cargo xtask hit-ratio", bin_name = "cargo xtask hit-ratio")]
struct Args {
    /// The tables to print, all by default.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Table>,
    /// The number of objects of a trace that have a popularity.
    #[arg(long, default_value_t = 200_000)]
    objects: usize,
    /// The number of requests of a trace.
    #[arg(long, default_value_t = 1_000_000)]
    requests: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Table {
    /// Responses of one size.
    Fixed,
    /// Responses of very different sizes.
    HeavyTailed,
    /// Made-up keys.
    Attack,
    /// Other settings of quick_cache, the table of the memory tier.
    Settings,
}

fn main() {
    let args = Args::parse();
    let scale = Scale { objects: args.objects, requests: args.requests };
    let prints = |table| args.only.is_empty() || args.only.contains(&table);
    if prints(Table::Fixed) {
        tables::print_ratios(scale, Sizes::Fixed);
    }
    if prints(Table::HeavyTailed) {
        tables::print_ratios(scale, Sizes::HeavyTailed);
    }
    if prints(Table::Attack) {
        tables::print_attacks(scale);
    }
    if prints(Table::Settings) {
        tables::print_settings(scale);
    }
}
