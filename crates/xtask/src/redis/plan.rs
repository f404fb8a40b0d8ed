//! The decision how to get a redis-server. It depends only on facts about the machine, so that
//! tests can cover every machine.

use super::version::Version;

/// The oldest redis-server that the tests support.
pub(super) const MIN_VERSION: Version = Version { major: 7, minor: 0 };

/// The facts about the machine.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    /// The package managers on the PATH.
    pub(super) managers: Vec<Manager>,
    /// Whether the user is root.
    pub(super) root: bool,
    /// Whether `sudo` works without a password.
    pub(super) sudo: bool,
}

/// A package manager that offers redis-server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Apt,
    Dnf,
    Brew,
}

impl Manager {
    pub(super) const ALL: [Self; 3] = [Self::Apt, Self::Dnf, Self::Brew];

    /// Returns the name of its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Self::Apt => "apt-get",
            Self::Dnf => "dnf",
            Self::Brew => "brew",
        }
    }
}

/// The way to get a redis-server.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Plan {
    /// Install it, with or without `sudo`.
    Install { manager: Manager, sudo: bool },
    /// Nothing can be done here, for this reason.
    Stop(String),
}

/// Decides what to do if the server on the PATH, `found`, is missing or too old.
pub(super) fn plan(found: Option<Version>, machine: &Machine) -> Plan {
    let install = machine.managers.iter().find_map(|manager| may_install(*manager, machine));
    install.unwrap_or_else(|| Plan::Stop(reason(found, machine)))
}

/// Homebrew belongs to a user and refuses root. The others need root.
fn may_install(manager: Manager, machine: &Machine) -> Option<Plan> {
    let sudo = match (manager, machine.root) {
        (Manager::Brew, false) | (Manager::Apt | Manager::Dnf, true) => false,
        (Manager::Apt | Manager::Dnf, false) if machine.sudo => true,
        _ => return None,
    };
    Some(Plan::Install { manager, sudo })
}

fn reason(found: Option<Version>, machine: &Machine) -> String {
    let found = match found {
        Some(version) => format!("the redis-server on the PATH is {version}"),
        None => "there is no redis-server on the PATH".to_owned(),
    };
    let hindrance = match machine.managers.first() {
        None => "none of apt-get, dnf and brew is there to install it".to_owned(),
        Some(Manager::Brew) => "brew does not run as root".to_owned(),
        Some(manager) => format!("{} needs root or a sudo without a password", manager.program()),
    };
    format!(
        "the tests need redis-server {MIN_VERSION} or newer: {found}, and {hindrance}; install it, then run this again"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Option<Version> = Some(Version { major: 6, minor: 2 });

    fn machine(managers: &[Manager], root: bool, sudo: bool) -> Machine {
        Machine { managers: managers.to_vec(), root, sudo }
    }

    #[test]
    fn a_manager_that_we_may_run_installs_it() {
        use Manager::{Apt, Brew, Dnf};
        let cases: [(&[Manager], bool, bool, Manager, bool); 8] = [
            (&[Apt], true, false, Apt, false),
            (&[Apt], false, true, Apt, true),
            // Root does not use sudo, even if it is available.
            (&[Apt], true, true, Apt, false),
            (&[Dnf], true, false, Dnf, false),
            (&[Dnf], false, true, Dnf, true),
            // Homebrew never goes through sudo.
            (&[Brew], false, true, Brew, false),
            // The first manager that may run is used, not the first that exists.
            (&[Apt, Brew], false, false, Brew, false),
            (&[Brew, Dnf], true, false, Dnf, false),
        ];
        for (managers, root, sudo, manager, through_sudo) in cases {
            let machine = machine(managers, root, sudo);
            for found in [None, OLD] {
                assert_eq!(
                    plan(found, &machine),
                    Plan::Install { manager, sudo: through_sudo },
                    "{machine:?}"
                );
            }
        }
    }

    #[test]
    fn otherwise_one_sentence_says_what_is_wrong_and_what_to_do() {
        let cases = [
            (
                None,
                machine(&[], true, false),
                ["no redis-server on the PATH", "none of apt-get, dnf and brew"],
            ),
            (OLD, machine(&[], true, true), ["redis-server on the PATH is 6.2", "none of apt-get"]),
            (
                None,
                machine(&[Manager::Apt], false, false),
                ["no redis-server", "apt-get needs root or a sudo"],
            ),
            (None, machine(&[Manager::Dnf], false, false), ["no redis-server", "dnf needs root or a sudo"]),
            (None, machine(&[Manager::Brew], true, true), ["no redis-server", "brew does not run as root"]),
        ];
        for (found, machine, parts) in cases {
            let Plan::Stop(reason) = plan(found, &machine) else { panic!("{machine:?}") };
            assert!(parts.iter().all(|part| reason.contains(part)), "{reason}");
            assert!(reason.contains("7.0 or newer") && !reason.contains('\n'), "{reason}");
        }
    }
}
