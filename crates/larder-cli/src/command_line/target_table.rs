//! Which command goes where, for the help and the docs.

/// Where a command goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CommandTargets {
    pub(super) command: &'static str,
    /// Its operation over an admin URL.
    pub(super) admin_url: &'static str,
    /// Its operation over Redis alone.
    pub(super) redis: &'static str,
}

/// All commands, in the order of the help.
pub(super) const COMMANDS: [CommandTargets; 17] = [
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
    row("advise", "yes", "about Redis and the instances"),
    row("top", "yes", "no"),
    row("policies", "yes", "no"),
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

#[cfg(test)]
mod tests {
    use std::fs;

    use clap::CommandFactory;

    use super::*;
    use crate::command_line::command::CommandLine;
    use crate::exit_code::ExitCode;

    fn documents() -> [(&'static str, String); 2] {
        let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        ["crates/larder-cli/README.md", "docs/OPERATIONS.md"].map(|path| {
            let text = fs::read_to_string(format!("{workspace}/{path}"));
            (path, text.unwrap())
        })
    }

    #[test]
    fn every_command_is_in_the_table() {
        let mut program = CommandLine::command();
        program.build();
        let names: Vec<_> = program.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(names, COMMANDS.map(|row| row.command));
        program.debug_assert();
    }

    #[test]
    fn the_documents_have_the_table_of_the_help() {
        let mut table =
            "| command | over an admin URL | over Redis alone |\n| --- | --- | --- |\n".to_owned();
        for CommandTargets { command, admin_url, redis } in COMMANDS {
            table.push_str(&format!("| `{command}` | {admin_url} | {redis} |\n"));
        }
        for (path, text) in documents() {
            assert!(text.contains(&table), "{path} lacks this table:\n{table}");
        }
    }

    #[test]
    fn the_documents_have_the_exit_codes() {
        let mut table = "| exit code | meaning |\n| --- | --- |\n".to_owned();
        for (code, meaning) in ExitCode::ALL {
            table.push_str(&format!("| {} | {meaning} |\n", code.number()));
        }
        for (path, text) in documents() {
            assert!(text.contains(&table), "{path} lacks this table:\n{table}");
        }
    }
}
