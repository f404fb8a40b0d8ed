//! Finding a compiler of the minimum version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, anyhow, bail};

use super::available;
use crate::debian::Unpacked;
use crate::shell;

/// A compiler that is not the one in use.
#[derive(Debug)]
pub(super) struct Compiler {
    pub(super) rustc: PathBuf,
    /// The folder of its shared libraries, if it is not installed.
    pub(super) libraries: Option<PathBuf>,
    /// The output of `rustc --version`.
    pub(super) version: String,
}

/// Finds a compiler of the version `wanted`, for example `1.85`.
///
/// The order is `given`, rustup's toolchain, `/usr/bin/rustc`, Debian's package. That package is
/// unpacked below `folder` instead of installed, so this does not need root.
///
/// # Errors
///
/// There is none. The message says how to get one.
pub(super) fn find(wanted: &str, given: Option<&Path>, folder: &Path) -> Result<Compiler> {
    if let Some(rustc) = given {
        return open(rustc, None, wanted);
    }
    let installed = rustup(wanted).into_iter().chain([PathBuf::from("/usr/bin/rustc")]);
    if let Some(compiler) = installed.filter_map(|rustc| open(&rustc, None, wanted).ok()).next() {
        return Ok(compiler);
    }
    let package = Unpacked::of_this_release(folder);
    let open_package = || open(&package.path("usr/bin/rustc"), Some(package.libraries()), wanted);
    let fetched = open_package().or_else(|_| fetch(&package, wanted).and_then(|()| open_package()));
    fetched.map_err(|error| anyhow!("there is no compiler of Rust {wanted} ({error:#}); {}", advice(wanted)))
}

/// Downloads and unpacks the compiler and what it needs beside the installed packages.
fn fetch(package: &Unpacked, wanted: &str) -> Result<()> {
    package.update()?;
    let Some(compiler) = available::find(&package.versions(&["rustc", "rustc-web"])?, wanted) else {
        bail!("the package sources of apt have no Rust {wanted}");
    };
    package.fetch(compiler.wishes())
}

impl Compiler {
    /// Makes a cargo command use this compiler.
    pub(super) fn set(&self, cargo: &mut Command) {
        cargo.env("RUSTC", &self.rustc);
        if let Some(libraries) = &self.libraries {
            cargo.env("LD_LIBRARY_PATH", libraries);
        }
    }
}

/// Runs a compiler to see that it works and has the right version.
fn open(rustc: &Path, libraries: Option<PathBuf>, wanted: &str) -> Result<Compiler> {
    let mut command = Command::new(rustc);
    if let Some(libraries) = &libraries {
        command.env("LD_LIBRARY_PATH", libraries);
    }
    let version = shell::output(command.arg("--version"))?.stdout.trim().to_owned();
    if !is_version(&version, wanted) {
        bail!("{} is {version}, not Rust {wanted}", rustc.display());
    }
    Ok(Compiler { rustc: rustc.to_owned(), libraries, version })
}

/// Whether `rustc --version` printed a release of the version `wanted`.
fn is_version(printed: &str, wanted: &str) -> bool {
    let number = printed.split_whitespace().nth(1).unwrap_or_default();
    let rest = number.strip_prefix(wanted);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

/// The compiler of rustup's toolchain, if it is installed.
fn rustup(wanted: &str) -> Option<PathBuf> {
    let mut rustup = Command::new("rustup");
    rustup.env("RUSTUP_AUTO_INSTALL", "0").args(["which", "--toolchain", wanted, "rustc"]);
    let printed = shell::output(&mut rustup).ok()?;
    Some(printed.stdout.trim().into())
}

fn advice(wanted: &str) -> String {
    format!("install it with `rustup toolchain install {wanted} --profile minimal`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_release_of_the_version_will_do_and_no_other_version() {
        let cases = [
            ("rustc 1.85.0 (4d91de4e4 2025-02-17) (built from a source tarball)", true),
            ("rustc 1.85.1 (4eb161250 2025-03-15)", true),
            ("rustc 1.85 (none)", true),
            ("rustc 1.96.0 (1234 2026-05-01) (built from a source tarball)", false),
            ("rustc 1.850.0", false),
            ("rustc 1.8.5", false),
            ("", false),
        ];
        for (printed, is_right) in cases {
            assert_eq!(is_version(printed, "1.85"), is_right, "{printed}");
        }
    }

    #[test]
    fn a_compiler_of_another_version_is_refused_by_name() {
        let error = find("1.2", Some(Path::new("rustc")), Path::new("")).unwrap_err().to_string();
        assert!(error.starts_with("rustc is rustc ") && error.ends_with(", not Rust 1.2"), "{error}");
    }
}
