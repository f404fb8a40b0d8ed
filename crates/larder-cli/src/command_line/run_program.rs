//! Runs a command, until it ends or the user ends it.

use std::io::{self, Write};

use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};
use tokio::runtime::Builder;

use crate::cli_error::{CliError, CliErrorKind};
use crate::command_line::command::{Command, CommandLine};
use crate::command_line::target_table::help_table;
use crate::commands::completions;
use crate::context::Context;
use crate::exit_code::ExitCode;
use crate::output::closed_pipe::reader_has_left;
use crate::output::{Format, Output};
use crate::secrets::hide_credentials;
use crate::target::Environment;

/// Runs the program. Its errors are one line on the standard error.
pub(crate) fn run_program() -> ExitCode {
    let parsed = program().try_get_matches().and_then(|matches| CommandLine::from_arg_matches(&matches));
    let command_line = match parsed {
        Ok(command_line) => command_line,
        Err(error) => return print_clap(&error),
    };
    match run(command_line) {
        Ok(code) => code,
        Err(error) => {
            if error.kind() != CliErrorKind::ClosedPipe {
                // Without a standard error, the exit code says it.
                let _ = writeln!(io::stderr().lock(), "larder: {error}");
            }
            error.exit_code()
        }
    }
}

fn program() -> clap::Command {
    let codes = ExitCode::ALL.map(|(code, meaning)| format!("{:4} {meaning}", code.number()));
    let after = format!("{}\nexit codes:\n{}", help_table(), codes.join("\n"));
    CommandLine::command().after_long_help(after)
}

/// Prints the help, or what is wrong with the arguments, which may have a password in them.
fn print_clap(error: &clap::Error) -> ExitCode {
    let text = hide_credentials(&error.render().to_string());
    // Nothing is left to do if it cannot be printed.
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            let _ = write!(io::stdout().lock(), "{text}");
            ExitCode::Done
        }
        _ => {
            let _ = write!(io::stderr().lock(), "{text}");
            ExitCode::Usage
        }
    }
}

fn run(command_line: CommandLine) -> Result<ExitCode, CliError> {
    let CommandLine { command, target, json } = command_line;
    if let Command::Completions(args) = &command {
        return completions::run(args, program());
    }
    let output = Output::new(if json { Format::Json } else { Format::Human });
    let context = Context::new(command.name(), target, Environment::of_the_process(), output);
    let runtime = Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CliError::failed(format!("the program cannot start: {error}")))?;
    let result = runtime.block_on(until_interrupted(command, &context));
    // A read of the standard input cannot be cancelled, so nothing waits for it.
    runtime.shutdown_background();
    result
}

/// Runs a command until it ends, until the user ends it, or until the reader of its output leaves.
async fn until_interrupted(command: Command, context: &Context) -> Result<ExitCode, CliError> {
    if command.handles_interrupts() {
        return command.run(context).await;
    }
    let command_is_endless = command.is_endless();
    let interrupted = if command_is_endless { ExitCode::Done } else { ExitCode::Interrupted };
    tokio::select! {
        result = command.run(context) => result,
        Ok(()) = tokio::signal::ctrl_c() => Ok(interrupted),
        // A purge is carried out even if its result has no reader.
        () = reader_has_left(), if command_is_endless => Ok(ExitCode::Done),
    }
}
