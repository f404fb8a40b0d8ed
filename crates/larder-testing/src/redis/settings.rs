//! The settings of a server, and what follows from them: its configuration and its URLs.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
#[cfg(feature = "tls")]
use std::sync::Arc;

#[cfg(feature = "tls")]
use super::authority::Identity;
use super::config::{self, Part, Ports};
use super::resp::Door;

/// Settings of a server that is not started yet, or of one that runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Settings {
    lines: Vec<String>,
    password: Option<String>,
    part: Part,
    #[cfg(feature = "tls")]
    identity: Option<Arc<Identity>>,
}

impl Settings {
    /// Adds a line of the configuration. It overrides earlier lines and the defaults.
    pub(super) fn config(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    pub(super) fn password(mut self, password: impl Into<String>) -> Self {
        let password = password.into();
        self.lines.push(format!("requirepass {password}"));
        self.password = Some(password);
        self
    }

    pub(super) fn user(self, rule: &str) -> Self {
        self.config(format!("user {rule}"))
    }

    pub(super) fn part(mut self, part: Part) -> Self {
        self.part = part;
        self
    }

    #[cfg(feature = "tls")]
    pub(super) fn identity(mut self, identity: Arc<Identity>) -> Self {
        self.identity = Some(identity);
        self
    }

    pub(super) fn secret(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn is_sentinel(&self) -> bool {
        self.part == Part::Sentinel
    }

    /// Returns a URL for this kind of deployment, such as `-cluster`, at these hosts.
    pub(super) fn url(&self, kind: &str, hosts: &str) -> String {
        let secure = if self.speaks_tls() { "s" } else { "" };
        let password = self.secret().map(|password| format!(":{password}@")).unwrap_or_default();
        format!("redis{secure}{kind}://{password}{hosts}")
    }

    pub(super) fn door(&self, address: SocketAddr, directory: &Path) -> Door {
        if self.speaks_tls() { Door::Unix(config::socket(directory)) } else { Door::Tcp(address) }
    }

    #[cfg(feature = "tls")]
    fn speaks_tls(&self) -> bool {
        self.identity.is_some()
    }

    #[cfg(not(feature = "tls"))]
    fn speaks_tls(&self) -> bool {
        false
    }

    /// Returns the text of the configuration file.
    pub(super) fn config_for(&self, ports: &Ports, directory: &Path) -> io::Result<String> {
        let mut lines = config::basics(self.part, ports, directory);
        #[cfg(feature = "tls")]
        if let Some(identity) = &self.identity {
            lines.extend(identity.config(ports.main.port(), directory)?);
        }
        lines.extend_from_slice(&self.lines);
        lines.push(String::new());
        Ok(lines.join("\n"))
    }
}
