//! Running other programs: in the open, from the root of the repository.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// A cargo command on this workspace: the same cargo that runs us.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(args);
    // Cargo told us about our own package. Build scripts that watch these variables would run again
    // each time that a build is started from here and then from a shell, or the other way round.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Runs a command with our own input and output, after saying what is run.
pub(crate) fn show(command: &mut Command) -> Result<ExitStatus> {
    let line = line(command);
    eprintln!("$ {line}");
    command.status().with_context(|| format!("cannot run `{line}`"))
}

/// As [`show`], where anything but success is an error.
pub(crate) fn must(command: &mut Command) -> Result<()> {
    let status = show(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// What a program printed.
pub(crate) struct Printed {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command that must succeed, for what it prints.
pub(crate) fn read(command: &mut Command) -> Result<Printed> {
    let line = line(command);
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{line}`"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = Printed { stdout: text(&output.stdout), stderr: text(&output.stderr) };
    if !output.status.success() {
        bail!("`{line}` failed: {}\n{}", output.status, printed.stderr);
    }
    Ok(printed)
}

/// Runs a command silently; what it printed if it could be run and succeeded.
pub(crate) fn ask(program: &str, args: &[&str]) -> Option<String> {
    read(Command::new(program).args(args)).ok().map(|printed| printed.stdout)
}

/// Our own exit code after a program that ended with `status`.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

pub(crate) fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).unwrap_or(package)
}

/// A command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
