//! The compiler of a Debian package, unpacked below the target folder instead of installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::apt;
use crate::shell;

/// Where the files of the package are.
pub(super) struct Unpacked {
    /// The folder of the downloaded packages and of apt's lists.
    folder: PathBuf,
    /// Stands for `/`.
    root: PathBuf,
}

impl Unpacked {
    pub(super) fn new(folder: &Path) -> Self {
        Self { folder: folder.join("debian"), root: folder.join("debian/root") }
    }

    pub(super) fn rustc(&self) -> PathBuf {
        self.root.join("usr/bin/rustc")
    }

    /// The folder of `librustc_driver` and, where it is not installed, of LLVM.
    pub(super) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH))
    }

    /// Downloads and unpacks the compiler and what it needs beside the installed packages.
    ///
    /// # Errors
    ///
    /// There is no apt, or its sources have no compiler of that version.
    pub(super) fn fetch(&self, wanted: &str) -> Result<()> {
        if shell::try_output("apt-get", &["--version"]).is_none() {
            bail!("Debian's package needs apt-get");
        }
        self.configure().with_context(|| format!("cannot write to {}", self.folder.display()))?;
        shell::run_checked(self.apt("apt-get").args(["--quiet", "update"]))?;
        let printed = shell::output(self.apt("apt-cache").args(["madison", "rustc", "rustc-web"]))?.stdout;
        let Some(compiler) = apt::find(&printed, wanted) else {
            bail!("the package sources of apt have no Rust {wanted}");
        };
        let mut plan = self.apt("apt-get");
        plan.args(["--simulate", "--no-install-recommends", "--allow-downgrades", "install"]);
        let packages = apt::to_install(&shell::output(plan.args(compiler.wishes()))?.stdout);
        shell::run_checked(self.apt("apt-get").args(["--quiet", "download"]).args(packages))?;
        self.unpack()
    }

    fn unpack(&self) -> Result<()> {
        fs::create_dir_all(&self.root)?;
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "deb") {
                shell::run_checked(Command::new("dpkg").arg("--extract").args([&path, &self.root]))?;
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    /// Writes a configuration by which apt keeps its files here, and therefore needs no root.
    fn configure(&self) -> Result<()> {
        fs::create_dir_all(self.folder.join("lists/partial"))?;
        let folder = self.folder.display();
        // As root, apt would otherwise download as another user, who cannot write here.
        let configuration = format!(
            "Dir::State::Lists \"{folder}/lists\";\nDir::Cache \"{folder}/cache\";\n\
             APT::Sandbox::User \"root\";\nDebug::NoLocking \"1\";\n"
        );
        fs::write(self.folder.join(CONFIGURATION), configuration)?;
        Ok(())
    }

    fn apt(&self, program: &str) -> Command {
        let mut apt = Command::new(program);
        apt.current_dir(&self.folder).env("APT_CONFIG", self.folder.join(CONFIGURATION)).env("LC_ALL", "C");
        apt
    }
}

const CONFIGURATION: &str = "apt.conf";
