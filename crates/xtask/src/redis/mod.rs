//! The programs for the tests, such as redis-server, Postgres, Prometheus, Chromium and valgrind:
//! from the machine, or from the platform's package manager.

mod install;
mod plan;
mod version;

use anyhow::{Result, bail};

use self::install::Server;
use self::plan::{MIN_VERSION, Machine, Manager, Plan};
use self::version::Version;
use crate::shell;

/// Makes sure that the PATH has a redis-server that the tests can use.
///
/// # Errors
///
/// Fails if there is none and none can be installed. The message says what to do.
pub(crate) fn ensure() -> Result<()> {
    let found = found();
    if let Some(version) = found.filter(|version| *version >= MIN_VERSION) {
        eprintln!("redis-server {version} is on the PATH");
        return Ok(());
    }
    match plan::plan(found, &inspect_machine()) {
        Plan::Install { manager, sudo } => {
            install::install(Server::Redis, manager, sudo)?;
            confirm(manager)
        }
        Plan::Stop(reason) => bail!("{reason}"),
    }
}

/// Makes sure that the machine has a Postgres that the tests of the demo can start.
///
/// # Errors
///
/// Fails if there is none and none can be installed. The message says what to do.
pub(crate) fn ensure_postgres() -> Result<()> {
    let postgres = Other { name: "Postgres", program: "initdb", tests: "demo", is_there: has_postgres };
    postgres.ensure(Server::Postgres)
}

/// Makes sure that the PATH has a Prometheus with its tool `promtool`.
///
/// # Errors
///
/// Fails if there is none and none can be installed. The message says what to do.
pub(crate) fn ensure_prometheus() -> Result<()> {
    let tools = Other { name: "Prometheus", program: "promtool", tests: "demo", is_there: has_prometheus };
    tools.ensure(Server::Prometheus)
}

/// Makes sure that the machine has Chromium and its chromedriver.
///
/// # Errors
///
/// Fails if they are missing and cannot be installed. The message says what to do.
pub(crate) fn ensure_browser() -> Result<()> {
    let name = "Chromium with chromedriver";
    let browser = Other { name, program: "chromedriver", tests: "console", is_there: has_browser };
    browser.ensure(Server::Browser)
}

/// Installs valgrind if it is missing. Returns whether the machine has it.
///
/// # Errors
///
/// Fails if the package manager fails.
pub(crate) fn ensure_valgrind() -> Result<bool> {
    if runs("valgrind") {
        return Ok(true);
    }
    if let Plan::Install { manager, sudo } = plan::plan(None, &inspect_machine()) {
        install::install(Server::Valgrind, manager, sudo)?;
    }
    Ok(runs("valgrind"))
}

/// A program of which any version will do.
struct Other {
    name: &'static str,
    /// One of its programs.
    program: &'static str,
    /// The part that its tests are for.
    tests: &'static str,
    is_there: fn() -> bool,
}

impl Other {
    /// Installs it, unless it is there.
    fn ensure(&self, server: Server) -> Result<()> {
        let Self { name, program, tests, is_there } = self;
        if is_there() {
            return Ok(());
        }
        let Plan::Install { manager, sudo } = plan::plan(None, &inspect_machine()) else {
            bail!(
                "the tests of the {tests} need {name}, and it cannot be installed here: install it, then run this again"
            );
        };
        install::install(server, manager, sudo)?;
        if !is_there() {
            bail!("{} installed {name}, but {program} is not on the PATH: add its folder", manager.program());
        }
        Ok(())
    }
}

/// Debian keeps the programs of each version in a folder outside of the PATH.
fn has_postgres() -> bool {
    let folders = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join("bin/initdb")).any(|program| program.exists())
        || shell::try_output("initdb", &["--version"]).is_some()
}

fn has_prometheus() -> bool {
    ["prometheus", "promtool"].iter().all(|program| runs(program))
}

/// Chromedriver finds these browsers by itself.
fn has_browser() -> bool {
    const PROGRAMS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    const APPLICATIONS: [&str; 2] = ["/Applications/Google Chrome.app", "/Applications/Chromium.app"];
    let is_installed = |application: &&str| std::path::Path::new(application).exists();
    runs("chromedriver") && (PROGRAMS.iter().any(|it| runs(it)) || APPLICATIONS.iter().any(is_installed))
}

fn runs(program: &str) -> bool {
    shell::try_output(program, &["--version"]).is_some()
}

fn found() -> Option<Version> {
    Version::parse(&shell::try_output("redis-server", &["--version"])?)
}

fn inspect_machine() -> Machine {
    let root = shell::try_output("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    Machine {
        managers: install::managers(),
        root,
        // This runs only when needed: a refused sudo may be reported to the administrator.
        sudo: !root && shell::try_output("sudo", &["-n", "true"]).is_some(),
    }
}

/// Checks the installed server. A package manager may succeed but install an old server, or one
/// outside of the PATH.
fn confirm(manager: Manager) -> Result<()> {
    let manager = manager.program();
    match found() {
        Some(version) if version >= MIN_VERSION => {
            eprintln!("redis-server {version} was installed by {manager}");
        }
        Some(version) => bail!(
            "{manager} has only redis-server {version}, and the tests need {MIN_VERSION} or newer: put one on the PATH"
        ),
        None => bail!("{manager} installed redis-server, but it is not on the PATH: add its folder"),
    }
    Ok(())
}
