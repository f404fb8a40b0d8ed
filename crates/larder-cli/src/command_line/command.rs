//! The commands.

use clap::{Parser, Subcommand};

use crate::arguments::{DisableArgs, EnableArgs, InspectArgs, PurgeArgs, TailArgs};
use crate::bench::BenchArgs;
use crate::cli_error::CliError;
use crate::commands::completions::CompletionsArgs;
use crate::commands::explain::ExplainArgs;
use crate::commands::top::TopArgs;
use crate::commands::{advise, explain, inspect, instances, policies, purge, stats, switches, tail, top};
use crate::context::Context;
use crate::doctor::DoctorArgs;
use crate::exit_code::ExitCode;
use crate::size::SizeArgs;
use crate::target::TargetArgs;
use crate::warm::WarmArgs;
use crate::{bench, doctor, size, warm};

/// See, explain and purge what the Larder HTTP cache has stored.
#[derive(Debug, Parser)]
#[command(name = "larder", version, disable_help_subcommand = true)]
pub(super) struct CommandLine {
    #[command(subcommand)]
    pub(super) command: Command,

    #[command(flatten)]
    pub(super) target: TargetArgs,

    /// Prints JSON: one document, or one object a line for what does not end.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Shows hits, misses and their reasons by route, and the state of Redis.
    Stats,
    /// Shows the instances that share the cache.
    Instances,
    /// Shows invalidations as they happen.
    Tail(TailArgs),
    /// Says what the cache would do with a request, and why.
    Explain(ExplainArgs),
    /// Shows everything under one key.
    Inspect(InspectArgs),
    /// Invalidates responses and values.
    Purge(PurgeArgs),
    /// Switches the cache off for a time.
    Disable(DisableArgs),
    /// Switches the cache on again.
    Enable(EnableArgs),
    /// Shows what is switched off.
    Switches,
    /// Requests pages, so that their responses are stored.
    Warm(WarmArgs),
    /// Says what the figures mean, and what to change.
    Advise,
    /// Shows the keys with the most requests, handler time, bytes and misses.
    Top(TopArgs),
    /// Shows the policies of routes, and the options of collections of values.
    Policies,
    /// Finds what is wrong with a Redis.
    Doctor(DoctorArgs),
    /// Says how much memory Redis needs.
    Size(SizeArgs),
    /// Measures a Redis, and Larder on it.
    Bench(BenchArgs),
    /// Prints the completions of a shell.
    Completions(CompletionsArgs),
}

impl Command {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Stats => "stats",
            Self::Instances => "instances",
            Self::Tail(_) => "tail",
            Self::Explain(_) => "explain",
            Self::Inspect(_) => "inspect",
            Self::Purge(_) => "purge",
            Self::Disable(_) => "disable",
            Self::Enable(_) => "enable",
            Self::Switches => "switches",
            Self::Warm(_) => "warm",
            Self::Advise => "advise",
            Self::Top(_) => "top",
            Self::Policies => "policies",
            Self::Doctor(_) => "doctor",
            Self::Size(_) => "size",
            Self::Bench(_) => "bench",
            Self::Completions(_) => "completions",
        }
    }

    /// Whether the command runs until the user ends it.
    pub(super) const fn is_endless(&self) -> bool {
        matches!(self, Self::Tail(_))
    }

    /// Whether the command cleans up itself when the user ends it.
    pub(super) const fn handles_interrupts(&self) -> bool {
        matches!(self, Self::Warm(_) | Self::Size(_) | Self::Bench(_))
    }

    /// Runs the command. `Completions` needs no target, and has run before.
    pub(super) async fn run(self, context: &Context) -> Result<ExitCode, CliError> {
        match self {
            Self::Stats => stats::run(context).await,
            Self::Instances => instances::run(context).await,
            Self::Tail(args) => tail::run(&args, context).await,
            Self::Explain(args) => explain::run(&args, context).await,
            Self::Inspect(args) => inspect::run(&args, context).await,
            Self::Purge(args) => purge::run(&args, context).await,
            Self::Disable(args) => switches::disable(&args, context).await,
            Self::Enable(args) => switches::enable(&args, context).await,
            Self::Switches => switches::run(context).await,
            Self::Warm(args) => warm::run(&args, context).await,
            Self::Advise => advise::run(context).await,
            Self::Top(args) => top::run(&args, context).await,
            Self::Policies => policies::run(context).await,
            Self::Doctor(args) => doctor::run(args, context).await,
            Self::Size(args) => size::run(args, context).await,
            Self::Bench(args) => bench::run(args, context).await,
            Self::Completions(_) => Ok(ExitCode::Done),
        }
    }
}
