//! The program, as a process.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// The program ends within this time, or the test fails. No test waits for it to pass.
const LIMIT: Duration = Duration::from_secs(60);

/// The variables that the program reads. A test has its own.
const VARIABLES: [&str; 6] = [
    "LARDER_URL",
    "REDIS_URL",
    "LARDER_TOKEN",
    "LARDER_TOKEN_FILE",
    "REDIS_PASSWORD_FILE",
    "LARDER_NAMESPACE",
];

/// A run of the program that has not begun.
pub(crate) struct Program {
    command: Command,
    input: String,
}

/// A run of the program that has ended.
#[derive(Debug)]
pub(crate) struct Run {
    /// `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    #[track_caller]
    pub(crate) fn expect(self, code: i32, part: &str) -> Self {
        let has_part = self.out.contains(part) || self.err.contains(part);
        assert!(self.code == Some(code) && has_part, "expected {code} and {part:?}: {self:#?}");
        assert!(!self.err.contains("panicked"), "{self:#?}");
        self
    }
}

impl Program {
    pub(crate) fn new() -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
        VARIABLES.iter().for_each(|name| {
            command.env_remove(name);
        });
        command.kill_on_drop(true);
        Self { command, input: String::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<std::ffi::OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn args<T: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = T>) -> Self {
        self.command.args(args);
        self
    }

    /// Splits a text at its spaces.
    pub(crate) fn line(self, line: &str) -> Self {
        self.args(line.split_whitespace())
    }

    pub(crate) fn input(mut self, input: &str) -> Self {
        input.clone_into(&mut self.input);
        self
    }

    /// Runs the program to its end.
    pub(crate) async fn run(self) -> Run {
        self.run_with_outputs([None, None]).await
    }

    /// Runs the program to its end. Its outputs are these, or pipes.
    pub(crate) async fn run_with_outputs(mut self, outputs: [Option<Stdio>; 2]) -> Run {
        let mut child = self.spawn(outputs);
        // It has a copy of each output, and a terminal is open until the last one is gone.
        drop(self.command);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(self.input.as_bytes()).await.ok();
        drop(stdin);
        let output = timeout(LIMIT, child.wait_with_output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Run { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Starts the program, to read its lines while it runs.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self.spawn([None, None]);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Running { child, lines: Some(lines) }
    }

    /// The outputs are these, or pipes.
    fn spawn(&mut self, [out, err]: [Option<Stdio>; 2]) -> Child {
        self.command.stdin(Stdio::piped());
        self.command.stdout(out.unwrap_or_else(Stdio::piped)).stderr(err.unwrap_or_else(Stdio::piped));
        self.command.spawn().unwrap()
    }
}

/// The program while it runs.
pub(crate) struct Running {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
}

impl Running {
    pub(crate) fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// Waits for a line of the output.
    pub(crate) async fn line(&mut self) -> Option<String> {
        timeout(LIMIT, self.lines.as_mut().unwrap().next_line()).await.unwrap().unwrap()
    }

    /// Closes the other end of the output, as `head` does.
    pub(crate) fn close_output(&mut self) {
        self.lines = None;
    }

    /// Sends the signal of Ctrl-C.
    pub(crate) async fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.id().to_string()]).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) async fn end(self) -> Run {
        let output = timeout(LIMIT, self.child.wait_with_output()).await.unwrap().unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        Run { code: output.status.code(), out: String::new(), err }
    }
}
