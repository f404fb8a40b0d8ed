//! The exit codes of the program.

use std::process;

/// How a command ended, as scripts see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum ExitCode {
    /// Done.
    Done = 0,
    /// Done, and there is something to look at: findings, or nothing matched.
    Findings = 1,
    /// The arguments, or the files that they name, cannot be used.
    Usage = 2,
    /// The server did not answer in time, or at all.
    Unreachable = 3,
    /// The server refused: the token, or the rights of the Redis user.
    Refused = 4,
    /// An invalidation was accepted, and takes effect elsewhere once Redis is back.
    Deferred = 5,
    /// The server answered with an error, or a part of the work failed.
    Failed = 6,
    /// The user ended the command with Ctrl-C.
    Interrupted = 130,
}

impl ExitCode {
    /// All exit codes, with their meanings.
    pub(crate) const ALL: [(Self, &'static str); 8] = [
        (Self::Done, "done"),
        (Self::Findings, "done, and there is something to look at: findings, or nothing matched"),
        (Self::Usage, "the arguments, or the files that they name, cannot be used"),
        (Self::Unreachable, "the server did not answer in time, or at all"),
        (Self::Refused, "the server refused the token, or this user of Redis may not do it"),
        (Self::Deferred, "the invalidation takes effect on other instances once Redis is back"),
        (Self::Failed, "the server answered with an error, or a part of the work failed"),
        (Self::Interrupted, "ended with Ctrl-C before it was done"),
    ];

    pub(crate) const fn number(self) -> u8 {
        self as u8
    }
}

impl From<ExitCode> for process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code.number())
    }
}
