//! The installed suite, and its verdicts.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

const VERDICTS: &str = include_str!("../scripts/verdicts.mjs");
const LOOPBACK: &str = include_str!("../scripts/loopback.cjs");

/// The folder of the suite.
#[derive(Debug)]
pub(crate) struct Suite {
    folder: PathBuf,
}

/// The kind of a test, in the suite's terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// A MUST of HTTP.
    Required,
    /// An optimization of a good cache.
    Optimal,
    /// A question. Both answers are right.
    Check,
}

/// The suite's verdict on one test.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Verdict {
    pub(crate) id: String,
    pub(crate) suite: String,
    pub(crate) kind: Kind,
    /// The sign that the suite prints.
    #[serde(rename = "verdict")]
    pub(crate) sign: String,
    /// A description of the failure.
    pub(crate) message: String,
}

impl Verdict {
    /// Whether the test passed, or was answered with yes. A test fails if one of its dependencies
    /// fails.
    pub(crate) fn passed(&self) -> bool {
        matches!(self.sign.as_str(), "✅" | "Y")
    }
}

impl Suite {
    pub(crate) const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns the path of an output file.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns the suite's verdicts on the output of a run.
    pub(crate) fn verdicts(&self, results: &[u8]) -> Result<Vec<Verdict>> {
        let script = self.script("verdicts.mjs", VERDICTS)?;
        let mut node = Command::new("node")
            .arg("--no-warnings")
            .arg(script)
            .arg(self.package())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot run node")?;
        // The script reads all input before it writes. If it does not, it reports that itself.
        if let Some(mut input) = node.stdin.take() {
            let _ = input.write_all(results);
        }
        let output = node.wait_with_output()?;
        if !output.status.success() {
            bail!("the suite cannot judge these results\n{}", String::from_utf8_lossy(&output.stderr));
        }
        serde_json::from_slice(&output.stdout).context("the verdicts cannot be read")
    }

    /// Returns the published verdicts on other caches, by name.
    pub(crate) fn published(&self) -> Result<Vec<(String, Vec<Verdict>)>> {
        let mut files: Vec<PathBuf> = Vec::new();
        for file in fs::read_dir(self.package().join("results"))? {
            files.push(file?.path());
        }
        files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
        files.sort_unstable();
        files.iter().map(|file| Ok((name(file), self.verdicts(&fs::read(file)?)?))).collect()
    }

    /// Returns the command of the suite's origin server, on a free port of the loopback interface.
    pub(crate) fn origin(&self) -> Result<Command> {
        let mut node = Command::new("node");
        node.arg("--require").arg(self.script("loopback.cjs", LOOPBACK)?).arg("server/server.mjs");
        node.current_dir(self.package())
            .env("npm_config_port", "0")
            .env("npm_config_protocol", "http")
            .env("npm_config_pidfile", self.file("origin.pid"));
        Ok(node)
    }

    /// Returns the command of the suite's client, which runs all tests or one against this URL.
    pub(crate) fn client(&self, url: &str, id: &str) -> Command {
        let mut node = Command::new("node");
        node.args(["--no-warnings", "cli.mjs"]).current_dir(self.package());
        node.env_remove("npm_config_id").env("npm_package_config_id", id).env("npm_config_base", url);
        node
    }

    fn package(&self) -> PathBuf {
        self.folder.join("node_modules/http-cache-tests")
    }

    fn script(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}

fn name(file: &Path) -> String {
    file.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
