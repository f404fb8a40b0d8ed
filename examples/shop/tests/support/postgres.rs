//! A real Postgres, which tests and measurements start on a free port.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of servers that this process has started.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A Postgres with a temporary folder. It ends when dropped.
pub(crate) struct Postgres {
    folder: PathBuf,
    port: u16,
    process: Child,
}

/// The user to run as. Postgres refuses root, so root takes the user of the package.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts a server. `settings` are lines of its configuration, such as `fsync=off`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let (process, number) = (std::process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(format!("shop-postgres-{process}-{number}"));
        std::fs::create_dir_all(&folder).unwrap();
        let user = (id(&["-u"]) == Some(0))
            .then(|| User { uid: id(&["-u", "postgres"]).unwrap(), gid: id(&["-g", "postgres"]).unwrap() });
        if let Some(User { uid, gid }) = user {
            std::os::unix::fs::chown(&folder, Some(uid), Some(gid)).unwrap();
        }
        let data = folder.join("data");
        let mut initdb = program("initdb", user);
        initdb.arg("-D").arg(&data).args(["-U", "shop", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        assert!(initdb.args(["--locale", "C"]).stdout(Stdio::null()).status().unwrap().success());
        let started = (0..5).find_map(|_| serve(&folder, user, settings));
        let (port, process) = started.unwrap_or_else(|| panic!("postgres does not start on five ports"));
        Self { folder, port, process }
    }

    /// Creates an empty database, and returns its URL.
    pub(crate) fn create(&self, name: &str) -> String {
        let port = self.port.to_string();
        let mut createdb = program("createdb", None);
        createdb.args(["-h", "127.0.0.1", "-p", &port, "-U", "shop", name]);
        assert!(createdb.status().unwrap().success());
        format!("postgres://shop:unused@127.0.0.1:{port}/{name}")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // SIGQUIT is the immediate shutdown. It also ends the processes of the connections.
        let _ = Command::new("kill").args(["-QUIT", &self.process.id().to_string()]).status();
        let _ = self.process.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Starts the server on a free port. Returns `None` if another process took the port.
fn serve(folder: &Path, user: Option<User>, settings: &[&str]) -> Option<(u16, Child)> {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut postgres = program("postgres", user);
    postgres.arg("-D").arg(folder.join("data")).arg("-k").arg(folder);
    postgres.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    postgres.args(settings.iter().flat_map(|setting| ["-c", setting]));
    let mut process = postgres.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
    if lines.any(|line| line.contains("ready to accept connections")) {
        // Without a reader, the server would block on a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        return Some((port, process));
    }
    process.wait().unwrap();
    None
}

/// Returns a program of Postgres. Debian keeps them out of the PATH.
pub(crate) fn program(name: &str, user: Option<User>) -> Command {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = folders.map(|folder| folder.path().join("bin").join(name)).find(|path| path.exists());
    let mut command = Command::new(debian.unwrap_or_else(|| name.into()));
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid).current_dir("/");
    }
    command
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().ok()
}
