//! Which command goes where, for the help and the docs.

/// Where a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandTargets {
    pub(super) command: &'static str,
    /// What it does over an admin URL.
    pub(super) admin_url: &'static str,
    /// What it does over Redis alone.
    pub(super) redis: &'static str,
}

/// All commands, in the order of the help.
pub(super) const COMMANDS: [CommandTargets; 16] = [
    row("stats", "yes", "the figures of Redis and of the log"),
    row("instances", "yes", "yes"),
    row("tail", "yes", "yes"),
    row("explain", "yes", "no"),
    row("inspect", "memory and Redis", "what Redis has"),
    row("purge", "yes", "no `--refill`"),
    row("disable", "this instance, or all", "all instances"),
    row("enable", "this instance, or all", "all instances"),
    row("switches", "yes", "those of all instances"),
    row("warm", "yes, or `--to` the application", "no"),
    row("advise", "yes", "no"),
    row("top", "yes", "no"),
    row("doctor", "no", "yes"),
    row("size", "no", "yes, or from arguments"),
    row("bench", "no", "yes"),
    row("completions", "needs neither", "needs neither"),
];

const fn row(command: &'static str, admin_url: &'static str, redis: &'static str) -> CommandTargets {
    CommandTargets { command, admin_url, redis }
}

/// Returns the table for `--help`.
pub(super) fn help_table() -> String {
    let mut table = format!("{:13}{:32}{}\n", "command", "over an admin URL", "over Redis alone");
    for CommandTargets { command, admin_url, redis } in COMMANDS {
        table.push_str(&format!("{command:13}{admin_url:32}{redis}\n"));
    }
    table
}
