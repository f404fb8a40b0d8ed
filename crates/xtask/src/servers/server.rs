//! The servers, as packages of Debian 13.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::Unpacked;

/// A server that speaks the protocol of Redis.
pub(super) struct Server {
    pub(super) name: &'static str,
    package: &'static str,
    program: &'static str,
}

/// The release with the servers.
const RELEASE: &str = "trixie";

/// Every server, by its name on the command line.
pub(super) const SERVERS: [Server; 2] = [
    Server { name: "redis", package: "redis-server", program: "usr/bin/redis-server" },
    Server { name: "valkey", package: "valkey-server", program: "usr/bin/valkey-server" },
];

impl Server {
    /// Returns a folder with the program `redis-server`, which runs this server.
    ///
    /// The packages are downloaded the first time, and stay in `folder`.
    ///
    /// # Errors
    ///
    /// The packages cannot be had, or do not fit this machine.
    pub(super) fn programs(&self, folder: &Path) -> Result<PathBuf> {
        let folder = folder.join(self.name);
        let unpacked = Unpacked::of_release(&folder, RELEASE);
        if !unpacked.path(self.program).exists() {
            unpacked.update()?;
            unpacked.fetch([self.package])?;
        }
        let programs = folder.join("bin");
        fs::create_dir_all(&programs)?;
        let script =
            script(&loader(&unpacked.libraries())?, &unpacked.libraries(), &unpacked.path(self.program));
        let file = programs.join("redis-server");
        fs::write(&file, script).with_context(|| format!("cannot write {}", file.display()))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
        Ok(programs)
    }
}

/// Returns the program that loads others with the unpacked libraries.
fn loader(libraries: &Path) -> Result<PathBuf> {
    let is_loader =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ld-linux"));
    let files = fs::read_dir(libraries)?.filter_map(|file| Some(file.ok()?.path()));
    files.into_iter().find(is_loader).with_context(|| format!("no loader in {}", libraries.display()))
}

/// Returns a script that runs the program with the libraries of its own release.
fn script(loader: &Path, libraries: &Path, program: &Path) -> String {
    let [loader, libraries, program] = [loader, libraries, program].map(|path| path.display().to_string());
    format!(
        "#!/bin/sh\nexec '{loader}' --library-path '{libraries}' --argv0 redis-server '{program}' \"$@\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_passes_its_arguments_on() {
        let script = script(Path::new("/l/ld"), Path::new("/l"), Path::new("/b/redis server"));
        let expected = "exec '/l/ld' --library-path '/l' --argv0 redis-server '/b/redis server' \"$@\"";
        assert_eq!(script.lines().nth(1), Some(expected));
    }
}
