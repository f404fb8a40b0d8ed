//! A redis-server for the tests: the one on the PATH, or one from the platform's package manager.

mod install;
mod plan;
mod version;

use anyhow::{Result, bail};

use self::plan::{Machine, Manager, NEEDED, Plan};
use self::version::Version;
use crate::shell;

/// Makes sure that there is a redis-server on the PATH that the tests can use.
///
/// # Errors
///
/// There is none and none can be installed; the message says what to do.
pub(crate) fn ensure() -> Result<()> {
    let found = found();
    if let Some(version) = found.filter(|version| *version >= NEEDED) {
        eprintln!("redis-server {version} is on the PATH");
        return Ok(());
    }
    match plan::plan(found, &look()) {
        Plan::Install { manager, sudo } => {
            install::install(manager, sudo)?;
            confirm(manager)
        }
        Plan::Stop(reason) => bail!("{reason}"),
    }
}

fn found() -> Option<Version> {
    Version::parse(&shell::ask("redis-server", &["--version"])?)
}

fn look() -> Machine {
    let root = shell::ask("id", &["-u"]).is_some_and(|id| id.trim() == "0");
    Machine {
        managers: install::managers(),
        root,
        // Not asked for nothing: a refused sudo may be reported to whoever keeps the machine.
        sudo: !root && shell::ask("sudo", &["-n", "true"]).is_some(),
    }
}

/// A package manager may succeed and leave us without: its server may be too old, or out of our
/// sight.
fn confirm(manager: Manager) -> Result<()> {
    let manager = manager.program();
    match found() {
        Some(version) if version >= NEEDED => eprintln!("redis-server {version} was installed by {manager}"),
        Some(version) => bail!(
            "{manager} has only redis-server {version}, and the tests need {NEEDED} or newer: put one on the PATH"
        ),
        None => bail!("{manager} installed redis-server, but it is not on the PATH: add its folder"),
    }
    Ok(())
}
