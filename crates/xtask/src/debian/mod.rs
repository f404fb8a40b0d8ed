//! Debian packages that are unpacked below the target folder instead of installed.

mod simulated;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::simulated::to_install;
use crate::shell;

/// A folder with unpacked packages.
pub(crate) struct Unpacked {
    /// The folder of the downloaded packages and of apt's lists.
    folder: PathBuf,
    /// Stands for `/`.
    root: PathBuf,
    /// The release to download from. `None` stands for the sources of this machine.
    ///
    /// The packages of another release come with all their libraries, as those that are installed
    /// do not fit.
    release: Option<&'static str>,
}

impl Unpacked {
    /// Unpacks packages from the sources of this machine. They use the libraries of this machine.
    pub(crate) fn of_this_release(folder: &Path) -> Self {
        Self { folder: folder.join("debian"), root: folder.join("debian/root"), release: None }
    }

    /// Unpacks packages of another release, with all their libraries.
    pub(crate) fn of_release(folder: &Path, release: &'static str) -> Self {
        Self { release: Some(release), ..Self::of_this_release(folder) }
    }

    /// Returns the path of an unpacked file.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns the folder of the shared libraries.
    pub(crate) fn libraries(&self) -> PathBuf {
        self.root.join("usr/lib").join(format!("{}-linux-gnu", std::env::consts::ARCH))
    }

    /// Reads the lists of packages.
    ///
    /// # Errors
    ///
    /// There is no apt, or it cannot read its sources.
    pub(crate) fn update(&self) -> Result<()> {
        if shell::try_output("apt-get", &["--version"]).is_none() {
            bail!("Debian's packages need apt-get");
        }
        self.configure().with_context(|| format!("cannot write to {}", self.folder.display()))?;
        shell::run_checked(self.apt("apt-get").args(["--quiet", "update"]))
    }

    /// Returns the output of `apt-cache madison`: the versions of these packages.
    pub(crate) fn versions(&self, packages: &[&str]) -> Result<String> {
        Ok(shell::output(self.apt("apt-cache").arg("madison").args(packages))?.stdout)
    }

    /// Downloads and unpacks packages, and what they need.
    ///
    /// # Errors
    ///
    /// The sources do not have them.
    pub(crate) fn fetch<S: AsRef<std::ffi::OsStr>>(&self, wishes: impl IntoIterator<Item = S>) -> Result<()> {
        let mut plan = self.apt("apt-get");
        plan.args(["--simulate", "--no-install-recommends", "--allow-downgrades", "install"]);
        let packages = to_install(&shell::output(plan.args(wishes))?.stdout);
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
        let mut configuration = format!(
            "Dir::State::Lists \"{folder}/lists\";\nDir::Cache \"{folder}/cache\";\n\
             APT::Sandbox::User \"root\";\nDebug::NoLocking \"1\";\n"
        );
        if let Some(release) = self.release {
            let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
            let source = format!("deb [signed-by={keys}] http://deb.debian.org/debian {release} main\n");
            fs::write(self.folder.join("sources.list"), source)?;
            fs::write(self.folder.join("status"), "")?;
            configuration += &format!(
                "Dir::Etc::SourceList \"{folder}/sources.list\";\nDir::Etc::SourceParts \"-\";\n\
                 Dir::State::Status \"{folder}/status\";\n"
            );
        }
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
