//! The suite from npm. Every part is pinned. It is downloaded once, into a folder below the build's
//! target folder.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::suite::Suite;

const LOCK: &str = include_str!("../package-lock.json");
const FILES: [(&str, &str); 3] = [
    ("package.json", include_str!("../package.json")),
    ("package-lock.json", LOCK),
    (".npmrc", include_str!("../.npmrc")),
];
/// Contains the installed lock file, once the installation is complete.
const MARKER: &str = "installed.json";
/// The oldest version of Node.js that can run the suite's server.
const MIN_NODE_VERSION: u32 = 18;

/// A missing requirement, with a remedy, in one sentence.
#[derive(Debug)]
pub(crate) struct Missing(String);

/// Returns the suite, and installs it first if necessary.
pub(crate) fn suite() -> Result<Suite> {
    check_node()?;
    let folder = folder()?;
    if fs::read_to_string(folder.join(MARKER)).is_ok_and(|installed| installed == LOCK) {
        return Ok(Suite::new(folder));
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (name, text) in FILES {
        fs::write(folder.join(name), text)?;
    }
    install(&folder)?;
    fs::write(folder.join(MARKER), LOCK)?;
    Ok(Suite::new(folder))
}

/// Returns `target/conformance`, which is beside the folder of this program's profile.
fn folder() -> Result<PathBuf> {
    let program = std::env::current_exe().context("cannot determine the path of this program")?;
    let target = program.ancestors().nth(2).context("this program is not in a build's folder")?;
    Ok(target.join("conformance"))
}

fn check_node() -> Result<(), Missing> {
    let version = command_output("node", &["--version"]);
    let major =
        version.as_deref().and_then(|version| version.strip_prefix('v')?.split('.').next()?.parse().ok());
    match major {
        Some(major) if MIN_NODE_VERSION <= major => Ok(()),
        _ => Err(Missing(format!(
            "the public cache tests need Node.js {MIN_NODE_VERSION} or newer with npm, and {}: install it, then run this again",
            version.map_or_else(
                || "there is none on the PATH".to_owned(),
                |version| format!("here is {version}")
            )
        ))),
    }
}

/// `npm ci` installs exactly the locked packages, verified by checksum. It runs no scripts of
/// packages.
const NPM: [&str; 8] = [
    "ci",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--prefer-offline",
    // The default retries take minutes without a network.
    "--fetch-retries=1",
    "--fetch-retry-mintimeout=1000",
    "--fetch-timeout=30000",
];

fn install(folder: &Path) -> Result<(), Missing> {
    let output = Command::new("npm").args(NPM).current_dir(folder).stdin(Stdio::null()).output();
    let why = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => first_error(&String::from_utf8_lossy(&output.stderr)),
        Err(error) => format!("npm cannot be run ({error})"),
    };
    Err(Missing(format!("the public cache tests cannot be installed: {why}")))
}

/// Returns the first informative line of npm's output.
fn first_error(stderr: &str) -> String {
    let lines =
        stderr.lines().filter_map(|line| line.strip_prefix("npm error ").or(line.strip_prefix("npm ERR! ")));
    // npm prints identifiers before the description.
    let names = ["code ", "syscall ", "errno "];
    let mut informative = lines.filter(|line| !names.iter().any(|name| line.starts_with(name)));
    informative.next().unwrap_or("npm failed without a reason").trim().to_owned()
}

fn command_output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Missing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_npm_is_one_line() {
        let cases = [
            (
                "npm warn config a\nnpm error code ECONNREFUSED\nnpm error syscall connect\nnpm error FetchError: request to http://x/ failed\n",
                "FetchError: request to http://x/ failed",
            ),
            ("npm ERR! code E404\nnpm ERR! 404 Not Found - GET http://x/\n", "404 Not Found - GET http://x/"),
            ("", "npm failed without a reason"),
        ];
        for (stderr, expected) in cases {
            assert_eq!(first_error(stderr), expected);
        }
    }

    #[test]
    fn each_download_is_pinned_by_checksum() {
        let lock: serde_json::Value = serde_json::from_str(LOCK).unwrap();
        let packages = lock["packages"].as_object().unwrap();
        assert_eq!(packages["node_modules/http-cache-tests"]["version"], "0.4.5");
        for (path, package) in packages.iter().filter(|(path, _)| !path.is_empty()) {
            assert!(package["integrity"].is_string(), "{path}");
            assert!(package["resolved"].is_null(), "{path} names a registry");
        }
    }
}
