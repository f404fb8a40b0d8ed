//! `larder completions`.

use std::io::{self, Write};

use clap::{Args, Command};
use clap_complete::{Shell, generate};

use crate::cli_error::CliError;
use crate::exit_code::ExitCode;

/// The arguments of `larder completions`.
#[derive(Debug, Clone, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the completions of a shell for this program.
pub(crate) fn run(args: &CompletionsArgs, mut program: Command) -> Result<ExitCode, CliError> {
    // It panics if it cannot write, so it does not write to a pipe.
    let mut script = Vec::new();
    generate(args.shell, &mut program, "larder", &mut script);
    let mut out = io::stdout().lock();
    out.write_all(&script).and_then(|()| out.flush()).map_err(|error| CliError::output(&error))?;
    Ok(ExitCode::Done)
}
