//! Child processes that never outlive this program.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

const PAUSE: Duration = Duration::from_millis(50);

/// Waits for the end of its input, which comes when this program ends in any way, and then kills
/// the process. It ignores signals from the terminal, because it has to end last.
const WATCHDOG: &str = "trap '' HUP INT TERM; read -r _; kill -9 \"$1\"";

/// A running process. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    watchdog: Child,
}

impl Process {
    /// Starts the process, with its standard error in a file.
    pub(crate) fn start(command: &mut Command, log: &Path) -> Result<Self> {
        let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
        let what = Path::new(command.get_program()).display().to_string();
        let mut child = command
            .stdin(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot run {what}"))?;
        let watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "watchdog", &child.id().to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { child, watchdog }),
            Err(error) => {
                child.kill()?;
                child.wait()?;
                Err(error).context("cannot run sh")
            }
        }
    }

    /// Waits for the URL that the process listens on. Discards later output.
    pub(crate) fn url(&mut self) -> Result<String> {
        let output = self.child.stdout.take().context("its output is not for us")?;
        let mut lines = BufReader::new(output);
        let mut line = String::new();
        while lines.read_line(&mut line)? > 0 {
            if let Some((_, url)) = line.split_once("istening on ") {
                let url = url.trim().trim_end_matches('/').to_owned();
                thread::spawn(move || io::copy(&mut lines, &mut io::sink()));
                return Ok(url);
            }
            line.clear();
        }
        bail!("a server ended before it listened")
    }

    /// Waits for the end of the process, within a limit.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > limit {
                bail!("not done after {limit:?}");
            }
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The process id stays reserved until the child is waited for, so the watchdog ends before
        // that. An error means that the process has already ended.
        let _ = self.child.kill();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.child.wait();
    }
}
