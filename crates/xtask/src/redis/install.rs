//! Installing redis-server with a package manager.

use std::process::Command;

use anyhow::Result;

use super::plan::Manager;
use crate::shell;

/// The managers that this machine has.
pub(super) fn managers() -> Vec<Manager> {
    let runs = |manager: &Manager| shell::ask(manager.program(), &["--version"]).is_some();
    Manager::ALL.into_iter().filter(runs).collect()
}

/// Runs the manager's commands in the open, so that whoever waits sees what is installed.
pub(super) fn install(manager: Manager, sudo: bool) -> Result<()> {
    commands(manager).iter().try_for_each(|args| shell::must(&mut command(manager, args, sudo)))
}

/// In order; each without a question to the terminal.
fn commands(manager: Manager) -> &'static [&'static [&'static str]] {
    match manager {
        // A fresh machine has no package lists, or old ones that name files that are gone.
        Manager::Apt => &[&["update"], &["install", "--yes", "--no-install-recommends", "redis-server"]],
        Manager::Dnf => &[&["install", "--assumeyes", "redis"]],
        Manager::Brew => &[&["install", "redis"]],
    }
}

fn command(manager: Manager, args: &[&str], sudo: bool) -> Command {
    // `env` because sudo passes no variables on.
    let mut command = Command::new(if sudo { "sudo" } else { "env" });
    if sudo {
        command.args(["-n", "env"]);
    }
    command.args(["DEBIAN_FRONTEND=noninteractive", manager.program()]).args(args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn apt_reads_the_package_lists_before_it_installs() {
        let [update, install] = commands(Manager::Apt) else { panic!("two commands") };
        assert!(shell::line(&command(Manager::Apt, update, false)).ends_with("apt-get update"));
        assert!(shell::line(&command(Manager::Apt, install, false)).ends_with(" redis-server"));
    }

    #[test]
    fn sudo_comes_first_asks_nothing_and_only_when_it_is_wanted() {
        for manager in Manager::ALL {
            for args in commands(manager) {
                assert!(shell::line(&command(manager, args, true)).starts_with("sudo -n env "));
                assert!(!shell::line(&command(manager, args, false)).contains("sudo"));
            }
        }
    }
}
