//! The platform, as far as it affects the counts.

use std::env;
use std::process::Command;

use anyhow::{Context, Result};

use crate::shell;

/// Returns the compiler, the C library and the processor.
///
/// The table is compared only if they are the same. The C library chooses its functions for the
/// processor.
pub(super) fn name() -> Result<String> {
    let compiler = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = shell::output(Command::new(compiler).args(["--verbose", "--version"]))?.stdout;
    let field = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let release = field("release:").context("no release in the version of rustc")?;
    let host = field("host:").context("no host in the version of rustc")?;
    Ok(format!("rustc {release}, {host}, {}, {}", c_library(), processor()))
}

fn c_library() -> String {
    let printed = shell::try_output("ldd", &["--version"]).unwrap_or_default();
    let first = printed.lines().next().unwrap_or("an unknown C library");
    first.trim_start_matches("ldd ").to_owned()
}

fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or("an unknown processor", |(_, name)| name).to_owned()
}
