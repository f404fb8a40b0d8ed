//! Installs a server or the browser with a package manager.

use std::process::Command;

use anyhow::Result;

use super::plan::Manager;
use crate::shell;

/// A program that the tests start.
#[derive(Debug, Clone, Copy)]
pub(super) enum Server {
    Redis,
    Postgres,
    Prometheus,
    /// Chromium and chromedriver.
    Browser,
    /// It counts instructions.
    Valgrind,
}

/// Returns the package managers on this machine.
pub(super) fn managers() -> Vec<Manager> {
    let runs = |manager: &Manager| shell::try_output(manager.program(), &["--version"]).is_some();
    Manager::ALL.into_iter().filter(runs).collect()
}

/// Runs the manager's commands visibly, so that the user sees what is installed.
pub(super) fn install(server: Server, manager: Manager, sudo: bool) -> Result<()> {
    commands(manager, server)
        .iter()
        .try_for_each(|args| shell::run_checked(&mut command(manager, args, sudo)))
}

/// Returns the commands in order. None of them asks a question on the terminal.
fn commands(manager: Manager, server: Server) -> &'static [&'static [&'static str]] {
    match (manager, server) {
        // A fresh machine has no package lists, or outdated ones that name deleted files.
        (Manager::Apt, Server::Redis) => {
            &[&["update"], &["install", "--yes", "--no-install-recommends", "redis-server"]]
        }
        (Manager::Apt, Server::Postgres) => {
            &[&["update"], &["install", "--yes", "--no-install-recommends", "postgresql"]]
        }
        (Manager::Apt, Server::Prometheus) => {
            &[&["update"], &["install", "--yes", "--no-install-recommends", "prometheus"]]
        }
        (Manager::Apt, Server::Browser) => {
            &[&["update"], &["install", "--yes", "--no-install-recommends", "chromium", "chromium-driver"]]
        }
        (Manager::Apt, Server::Valgrind) => {
            &[&["update"], &["install", "--yes", "--no-install-recommends", "valgrind"]]
        }
        (Manager::Dnf, Server::Redis) => &[&["install", "--assumeyes", "redis"]],
        (Manager::Dnf, Server::Postgres) => &[&["install", "--assumeyes", "postgresql-server"]],
        (Manager::Dnf, Server::Prometheus) => &[&["install", "--assumeyes", "golang-github-prometheus"]],
        (Manager::Dnf, Server::Browser) => &[&["install", "--assumeyes", "chromium", "chromedriver"]],
        (Manager::Dnf, Server::Valgrind) => &[&["install", "--assumeyes", "valgrind"]],
        (Manager::Brew, Server::Redis) => &[&["install", "redis"]],
        (Manager::Brew, Server::Postgres) => &[&["install", "postgresql"]],
        (Manager::Brew, Server::Prometheus) => &[&["install", "prometheus"]],
        // There is no valgrind for macOS.
        (Manager::Brew, Server::Valgrind) => &[],
        // Homebrew has no Chromium that macOS would run.
        (Manager::Brew, Server::Browser) => &[&["install", "--cask", "google-chrome", "chromedriver"]],
    }
}

fn command(manager: Manager, args: &[&str], sudo: bool) -> Command {
    // `env` sets the variables because sudo drops them.
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
        for (server, package) in [
            (Server::Redis, " redis-server"),
            (Server::Postgres, " postgresql"),
            (Server::Prometheus, " prometheus"),
            (Server::Valgrind, " valgrind"),
            (Server::Browser, " chromium chromium-driver"),
        ] {
            let [update, install] = commands(Manager::Apt, server) else { panic!("two commands") };
            assert!(shell::line(&command(Manager::Apt, update, false)).ends_with("apt-get update"));
            assert!(shell::line(&command(Manager::Apt, install, false)).ends_with(package));
        }
    }

    #[test]
    fn sudo_comes_first_asks_nothing_and_only_when_it_is_wanted() {
        for manager in Manager::ALL {
            let servers =
                [Server::Redis, Server::Postgres, Server::Prometheus, Server::Browser, Server::Valgrind];
            for args in servers.iter().flat_map(|server| commands(manager, *server)) {
                assert!(shell::line(&command(manager, args, true)).starts_with("sudo -n env "));
                assert!(!shell::line(&command(manager, args, false)).contains("sudo"));
            }
        }
    }
}
