//! The process of a server, and the watchdog that keeps it from outliving the test.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use super::resp::{Connection, Door};

/// The maximum time for a server to start, and for a replica to be in sync.
const PATIENCE: Duration = Duration::from_secs(30);
/// The time limit for one command meanwhile.
///
/// If something else is on the port, it may never answer.
const PROBE: Duration = Duration::from_millis(250);
const PAUSE: Duration = Duration::from_millis(5);

/// The watchdog's script.
///
/// It waits for the end of its input, which comes when the test's process ends in any way. Then it
/// kills the server and removes its directory. It ignores the signals that a terminal sends to the
/// whole process group, because it has to be the last process to end.
const WATCHDOG: &str = "trap '' HUP INT TERM; read -r _; kill -9 \"$1\"; rm -rf \"$2\"";

/// A running server. Dropping it kills the server.
#[derive(Debug)]
pub(super) struct Process {
    server: Child,
    watchdog: Child,
    log: PathBuf,
}

impl Process {
    pub(super) fn spawn(directory: &Path, config: &Path, arguments: &[&str]) -> io::Result<Self> {
        let log = directory.join("redis.log");
        let output = File::create(&log)?;
        let mut server = quiet("redis-server")
            .arg(config)
            .args(arguments)
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(missing)?;
        let watchdog = quiet("sh")
            .args(["-c", WATCHDOG, "watchdog", &server.id().to_string()])
            .arg(directory)
            .stdin(Stdio::piped())
            .spawn();
        match watchdog {
            Ok(watchdog) => Ok(Self { server, watchdog, log }),
            Err(error) => {
                server.kill()?;
                server.wait()?;
                Err(error)
            }
        }
    }

    /// Waits until this very process answers at `door`, and is in sync if it is a replica.
    pub(super) fn wait_until_ready(&mut self, door: &Door, password: Option<&str>) -> io::Result<()> {
        let begun = Instant::now();
        loop {
            if self.server.try_wait()?.is_some() {
                return Err(self.why_it_ended());
            }
            let state = self.is_ready(door, password);
            if matches!(state, Ok(true)) {
                return Ok(());
            }
            if begun.elapsed() > PATIENCE {
                let last = state.map_or_else(|error| error.to_string(), |_| "not in sync".to_owned());
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("redis-server is not ready: {last}\n{}", self.logged()),
                ));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Returns whether this very process answers, and is in sync.
    ///
    /// Another test's server may have taken the port first. It then answers here until ours gives
    /// up.
    fn is_ready(&self, door: &Door, password: Option<&str>) -> io::Result<bool> {
        let mut connection = Connection::open(door, password, PROBE)?;
        connection.command(&["PING"])?;
        let info = connection.command(&["INFO"])?;
        let lines = info.as_str().unwrap_or_default();
        let says = |line: &str| lines.lines().any(|other| other == line);
        Ok(says(&format!("process_id:{}", self.server.id())) && !says("master_link_status:down"))
    }

    fn why_it_ended(&self) -> io::Error {
        let log = self.logged();
        let kind = if log.contains("Address already in use") {
            io::ErrorKind::AddrInUse
        } else {
            io::ErrorKind::Other
        };
        io::Error::new(kind, format!("redis-server ended at its start\n{log}"))
    }

    fn logged(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops the process, and returns when it has stopped.
    pub(super) fn stop(&self) -> io::Result<()> {
        let pid = self.pid()?;
        kill_process(pid, Signal::STOP)?;
        // The signal takes a moment to arrive. `NOWAIT` leaves an exit for `Child` to collect.
        let states = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(pid), states)?;
        Ok(())
    }

    pub(super) fn cont(&self) -> io::Result<()> {
        Ok(kill_process(self.pid()?, Signal::CONT)?)
    }

    fn pid(&self) -> io::Result<Pid> {
        i32::try_from(self.server.id())
            .ok()
            .and_then(Pid::from_raw)
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // The watchdog ends before the wait for the server. Until that wait, the server's process
        // id cannot go to another process. Errors mean that a process has ended by itself.
        let _ = self.server.kill();
        let _ = self.watchdog.kill();
        let _ = self.watchdog.wait();
        let _ = self.server.wait();
    }
}

fn quiet(program: &str) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn missing(error: io::Error) -> io::Error {
    if error.kind() == io::ErrorKind::NotFound {
        let message = "redis-server is not on the PATH: `cargo xtask test` installs it and runs the tests";
        return io::Error::new(error.kind(), message);
    }
    error
}
