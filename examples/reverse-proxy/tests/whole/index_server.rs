//! A package index: devpi-server from PyPI, in a virtual environment below the build's folder.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const REQUIREMENTS: &str = include_str!("pip/requirements.txt");
const PUBLISH: &str = include_str!("pip/publish.py");
/// Contains the installed requirements, once the installation is complete.
const MARKER: &str = "installed.txt";
const PASSWORD: &str = "secret";
/// The time that a server has to start on a busy machine.
const MAX_START: Duration = Duration::from_secs(120);

/// An index with the packages `larder_root` and `larder_leaf`. The first needs the second.
pub(crate) struct IndexServer {
    pub(crate) url: String,
    environment: PathBuf,
    folder: PathBuf,
    process: Child,
}

impl IndexServer {
    /// Starts an index. Where that is impossible, says why on standard error and returns `None`.
    pub(crate) fn start() -> Option<Self> {
        match environment() {
            Ok(environment) => Some(Self::run(environment).unwrap()),
            Err(why) => {
                // `eprintln` would be captured, as the test passes.
                let _ = writeln!(io::stderr(), "skipped the test of pip: {why}");
                None
            }
        }
    }

    fn run(environment: PathBuf) -> io::Result<Self> {
        let folder = target().join(format!("devpi-server-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder)?;
        let data = folder.join("data");
        let init = ["--no-root-pypi", "--root-passwd", PASSWORD, "--serverdir"];
        run(Command::new(environment.join("bin/devpi-init")).args(init).arg(&data))
            .map_err(io::Error::other)?;
        // The port is free again once the listener is dropped.
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(environment.join("bin/devpi-server"))
            .args(["--host", "127.0.0.1", "--port", &addr.port().to_string(), "--serverdir"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("log"))?)
            .stderr(Stdio::null())
            .spawn()?;
        let server = Self { url: format!("http://{addr}"), environment, folder, process };
        let begun = Instant::now();
        while TcpStream::connect(addr).is_err() {
            assert!(begun.elapsed() < MAX_START, "the index server does not start");
            sleep(Duration::from_millis(50));
        }
        let publish = server.folder.join("publish.py");
        fs::write(&publish, PUBLISH)?;
        run(Command::new(server.program("python")).arg(publish).args([&server.url, PASSWORD]))
            .map_err(io::Error::other)?;
        Ok(server)
    }

    /// Installs `larder_root` from the index at this URL, and returns the folder.
    ///
    /// Nothing of an earlier run or of the user's settings is used.
    pub(crate) fn install(&self, url: &str, name: &str) -> PathBuf {
        let into = self.folder.join(name);
        let options = ["-m", "pip", "--isolated", "install", "--no-cache-dir", "--disable-pip-version-check"];
        let mut pip = Command::new(self.program("python"));
        pip.args(options).args(["--index-url", &format!("{url}/root/test/+simple/"), "--target"]).arg(&into);
        run(pip.arg("larder-root").env("NO_PROXY", "*")).unwrap();
        into
    }

    /// Returns the paths that were requested with `GET`, in order.
    pub(crate) fn requested(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.join("log")).unwrap();
        let paths = log.lines().filter_map(|line| line.split_once("] GET ").map(|(_, path)| path.to_owned()));
        paths.collect()
    }

    fn program(&self, name: &str) -> PathBuf {
        self.environment.join("bin").join(name)
    }
}

impl Drop for IndexServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// Returns the virtual environment with the server, and creates it first if necessary.
fn environment() -> Result<PathBuf, String> {
    let folder = target().join("devpi");
    let failed = |error: io::Error| error.to_string();
    fs::create_dir_all(&folder).map_err(failed)?;
    // Two test programs at once would spoil it.
    let lock = File::create(target().join("devpi.lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    if fs::read_to_string(folder.join(MARKER)).is_ok_and(|installed| installed == REQUIREMENTS) {
        return Ok(folder);
    }
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENTS).map_err(failed)?;
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder))
        .map_err(|why| format!("it needs Python 3 with venv and pip, and {why}"))?;
    let options = ["-m", "pip", "install", "--quiet", "--retries", "1", "--requirement"];
    run(Command::new(folder.join("bin/python")).args(options).arg(&requirements))
        .map_err(|why| format!("devpi-server cannot be installed, and {why}"))?;
    fs::write(folder.join(MARKER), REQUIREMENTS).map_err(failed)?;
    Ok(folder)
}

/// Runs a command to its end. If it fails, returns the last line of its errors.
fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let last = errors.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    Err(format!("{program} failed: {last}"))
}
