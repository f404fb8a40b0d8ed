//! Runs other programs, visibly and from the root of the repository.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};

/// Creates a command of the cargo that runs this program, for this workspace.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root()).args(args);
    // These variables describe the xtask package. Build scripts that watch them would run again
    // whenever builds alternate between this program and a shell.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}

/// Prints a command, and runs it with this program's input and output.
pub(crate) fn run(command: &mut Command) -> Result<ExitStatus> {
    let line = line(command);
    eprintln!("$ {line}");
    command.status().with_context(|| format!("cannot run `{line}`"))
}

/// Runs a command like [`run`], and returns an error unless it succeeds.
pub(crate) fn run_checked(command: &mut Command) -> Result<()> {
    let status = run(command)?;
    if !status.success() {
        bail!("`{}` failed: {status}", line(command));
    }
    Ok(())
}

/// The output of a program.
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command that must succeed, and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<Output> {
    let line = line(command);
    let result = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run `{line}`"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let printed = Output { stdout: text(&result.stdout), stderr: text(&result.stderr) };
    if !result.status.success() {
        bail!("`{line}` failed: {}\n{}", result.status, printed.stderr);
    }
    Ok(printed)
}

/// Runs a command silently, and returns its standard output if it succeeds.
pub(crate) fn try_output(program: &str, args: &[&str]) -> Option<String> {
    output(Command::new(program).args(args)).ok().map(|printed| printed.stdout)
}

/// Returns the exit code for a program that ended with `status`.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Returns the root of the workspace that this program runs for.
///
/// Cargo sets the variable when it runs the program. Its value at compile time may belong to
/// another checkout that shares the target folder.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let package = package.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        package.ancestors().nth(2).map(Path::to_owned).unwrap_or(package)
    });
    &ROOT
}

/// Formats a command as a user would type it.
pub(crate) fn line(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let words = program.file_name().into_iter().chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}
