//! Why a command could not be carried out.

use std::error::Error;
use std::{fmt, io};

use crate::exit_code::ExitCode;
use crate::secrets::hide_credentials;

/// Why a command could not be carried out.
#[derive(Debug)]
pub(crate) struct CliError {
    kind: CliErrorKind,
    text: String,
}

/// The kind of a [`CliError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum CliErrorKind {
    /// The arguments, or the files that they name, cannot be used.
    Usage,
    /// The server did not answer in time, or at all.
    Unreachable,
    /// The server refused the token, or the user.
    Refused,
    /// The application has no answer: its Redis does not answer, or it has none.
    Unavailable,
    /// There is no such thing.
    NotFound,
    /// The server answered with an error.
    Failed,
    /// The user ended the command.
    Interrupted,
    /// The reader of the output has left, as in `larder tail | head -1`. This is no failure.
    ClosedPipe,
}

impl CliError {
    /// Returns an error whose text has no credentials.
    pub(crate) fn new(kind: CliErrorKind, text: impl AsRef<str>) -> Self {
        Self { kind, text: hide_credentials(text.as_ref()) }
    }

    pub(crate) fn usage(text: impl AsRef<str>) -> Self {
        Self::new(CliErrorKind::Usage, text)
    }

    pub(crate) fn unreachable(text: impl AsRef<str>) -> Self {
        Self::new(CliErrorKind::Unreachable, text)
    }

    pub(crate) fn refused(text: impl AsRef<str>) -> Self {
        Self::new(CliErrorKind::Refused, text)
    }

    pub(crate) fn failed(text: impl AsRef<str>) -> Self {
        Self::new(CliErrorKind::Failed, text)
    }

    pub(crate) fn interrupted() -> Self {
        Self::new(CliErrorKind::Interrupted, "interrupted")
    }

    /// Returns the error of a write to the standard output.
    pub(crate) fn output(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::new(CliErrorKind::ClosedPipe, "the output is closed"),
            _ => Self::failed(format!("the output cannot be written: {error}")),
        }
    }

    pub(crate) const fn kind(&self) -> CliErrorKind {
        self.kind
    }

    pub(crate) const fn exit_code(&self) -> ExitCode {
        match self.kind {
            CliErrorKind::Usage => ExitCode::Usage,
            CliErrorKind::Unreachable | CliErrorKind::Unavailable => ExitCode::Unreachable,
            CliErrorKind::Refused => ExitCode::Refused,
            CliErrorKind::NotFound => ExitCode::Findings,
            CliErrorKind::Failed => ExitCode::Failed,
            CliErrorKind::Interrupted => ExitCode::Interrupted,
            CliErrorKind::ClosedPipe => ExitCode::Done,
        }
    }
}

impl fmt::Display for CliError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for CliError {}
