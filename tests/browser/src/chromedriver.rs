//! The process of chromedriver, and the watchdog that keeps it and its browser from outliving the
//! test.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::scratch::Scratch;

/// The maximum time for chromedriver to start.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The watchdog's script.
///
/// It waits for the end of its input, which comes when the test's process ends in any way. Then it
/// kills the process group of chromedriver, which has the browser, and removes the folder. A
/// process of the browser may still write while it dies, so one attempt is not enough. The script
/// ignores the signals that a terminal sends to a whole process group, because it has to end last.
const WATCHDOG: &str = "trap '' HUP INT TERM; read -r _; kill -s KILL -- \"-$1\"; \
    for _ in 1 2 3 4 5 6 7 8 9 10; do rm -rf \"$2\"; [ -e \"$2\" ] || exit 0; sleep 0.1; done";

const MISSING: &str =
    "chromedriver is not on the PATH: `cargo xtask test` installs it with Chromium, and runs the tests";

/// A chromedriver on a free port. Dropping it ends the browser as well.
#[derive(Debug)]
pub(crate) struct Chromedriver {
    process: Child,
    watchdog: Child,
    port: u16,
    folder: Scratch,
}

impl Chromedriver {
    /// Starts chromedriver, and waits until it prints its port.
    ///
    /// # Errors
    ///
    /// The error says what to do if there is no chromedriver.
    pub(crate) fn start() -> Result<Self> {
        let folder = Scratch::new().context("cannot create a temporary folder")?;
        let mut process = command(folder.path())?.spawn().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => anyhow::Error::msg(MISSING),
            _ => anyhow::Error::new(error).context("cannot run chromedriver"),
        })?;
        let watchdog = watch(&process, folder.path());
        let output = process.stdout.take();
        let mut started = match watchdog {
            Ok(watchdog) => Self { process, watchdog, port: 0, folder },
            Err(error) => {
                process.kill()?;
                process.wait()?;
                return Err(error).context("cannot run the watchdog of chromedriver");
            }
        };
        started.port =
            port(output).with_context(|| format!("chromedriver did not start\n{}", started.logged()))?;
        Ok(started)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Returns the id of the process group, which has the browser as well.
    pub(crate) fn process_group(&self) -> u32 {
        self.process.id()
    }

    /// Returns the folder for everything that the browser writes.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Returns what chromedriver and the browser logged.
    pub(crate) fn logged(&self) -> String {
        fs::read_to_string(log(self.folder.path())).unwrap_or_default()
    }
}

impl Drop for Chromedriver {
    fn drop(&mut self) {
        // The watchdog does the work. Until the wait for the process, its id, which is also that of
        // the group, cannot go to another process.
        drop(self.watchdog.stdin.take());
        let _ = self.watchdog.wait();
        let _ = self.process.wait();
    }
}

fn log(folder: &Path) -> std::path::PathBuf {
    folder.join("chromedriver.log")
}

fn command(folder: &Path) -> Result<Command> {
    let mut command = Command::new("chromedriver");
    // The browser puts sockets and other files into the temporary folder and the home folder.
    command.env("TMPDIR", folder).env("HOME", folder).arg("--port=0");
    let stderr = File::create(log(folder)).context("cannot create a log file")?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).process_group(0);
    Ok(command)
}

fn watch(process: &Child, folder: &Path) -> io::Result<Child> {
    let mut watchdog = Command::new("sh");
    watchdog.args(["-c", WATCHDOG, "watchdog", &process.id().to_string()]).arg(folder);
    watchdog.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()
}

/// Waits for the line with the port, and then reads on, because chromedriver would block on a full
/// pipe.
fn port(output: Option<ChildStdout>) -> Result<u16> {
    let lines = BufReader::new(output.context("it has no output")?).lines().map_while(io::Result::ok);
    let (found, port) = mpsc::channel();
    thread::spawn(move || {
        for port in lines.filter_map(|line| parse_port(&line)) {
            // The receiver is gone after the first one.
            let _ = found.send(port);
        }
    });
    match port.recv_timeout(START_TIMEOUT) {
        Ok(port) => Ok(port),
        Err(error) => bail!("it told no port: {error}"),
    }
}

/// Parses "ChromeDriver was started successfully on port 38355."
fn parse_port(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("started successfully on port ")?;
    rest.trim_end_matches('.').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_in_the_line_of_the_start() {
        let line = "ChromeDriver was started successfully on port 38355.";
        assert_eq!(parse_port(line), Some(38355));
        assert_eq!(parse_port("Starting ChromeDriver 156.0.8078.108 on port 0"), None);
    }
}
