//! The files of the workspace, read from disk or given as text.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A folder that holds no source of this repository.
const SKIPPED: &str = "node_modules";
/// Cargo puts this file into its target folder. Sources may have a folder of that name too.
const BUILD_MARK: &str = "CACHEDIR.TAG";

/// The files that the rules read.
#[derive(Debug, Default)]
pub struct Workspace {
    /// Rust and Markdown files by their path from the root, with `/` between the parts.
    pub(crate) texts: BTreeMap<String, String>,
    /// All files and folders. The path of a folder ends in `/`.
    pub(crate) paths: BTreeSet<String>,
}

/// The source files of one crate.
#[derive(Debug)]
pub(crate) struct CrateSources<'a> {
    /// The path of the source folder, such as `crates/larder/src`.
    pub(crate) folder: &'a str,
    /// The files by their path below that folder.
    pub(crate) files: BTreeMap<&'a str, &'a str>,
}

impl Workspace {
    /// Reads the workspace with this root, without build products and hidden folders.
    ///
    /// # Errors
    ///
    /// Fails if a folder or a file cannot be read.
    pub fn read(root: &Path) -> Result<Self> {
        let mut workspace = Self::default();
        workspace.read_folder(root, "")?;
        Ok(workspace)
    }

    /// Makes a workspace from paths and texts.
    #[cfg(test)]
    pub(crate) fn from_texts(files: &[(&str, &str)]) -> Self {
        let mut workspace = Self::default();
        for (path, text) in files {
            workspace.texts.insert((*path).to_owned(), (*text).to_owned());
            let folders = path.match_indices('/').map(|(end, _)| path[..=end].to_owned());
            workspace.paths.extend(folders.chain([(*path).to_owned()]));
        }
        workspace
    }

    /// The crates below `crates/`, in the order of their paths.
    pub(crate) fn crates(&self) -> Vec<CrateSources<'_>> {
        let mut crates: Vec<CrateSources<'_>> = Vec::new();
        for (path, text) in self.rust_files() {
            let Some((folder, file)) = split_crate_path(path) else { continue };
            match crates.last_mut() {
                Some(last) if last.folder == folder => {
                    last.files.insert(file, text);
                }
                _ => crates.push(CrateSources { folder, files: BTreeMap::from([(file, text)]) }),
            }
        }
        crates
    }

    pub(crate) fn rust_files(&self) -> impl Iterator<Item = (&str, &str)> {
        let files = self.texts.iter().filter(|(path, _)| path.ends_with(".rs"));
        files.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    fn read_folder(&mut self, folder: &Path, path: &str) -> Result<()> {
        let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in list {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with('.') || name == SKIPPED || entry.path().join(BUILD_MARK).exists() {
                continue;
            }
            if entry.file_type()?.is_dir() {
                let path = format!("{path}{name}/");
                self.read_folder(&entry.path(), &path)?;
                self.paths.insert(path);
            } else {
                self.read_file(&entry.path(), format!("{path}{name}"))?;
            }
        }
        Ok(())
    }

    fn read_file(&mut self, file: &Path, path: String) -> Result<()> {
        if path.ends_with(".rs") || path.ends_with(".md") {
            let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
            self.texts.insert(path.clone(), text);
        }
        self.paths.insert(path);
        Ok(())
    }
}

/// Splits `crates/larder/src/a/b.rs` behind `src`.
fn split_crate_path(path: &str) -> Option<(&str, &str)> {
    let name_and_rest = path.strip_prefix("crates/")?;
    let (name, rest) = name_and_rest.split_once('/')?;
    let file = rest.strip_prefix("src/")?;
    Some((&path[.."crates/".len() + name.len() + "/src".len()], file))
}

/// Finds the root of the workspace that contains `start`.
///
/// # Errors
///
/// Fails if no folder above `start` has a `Cargo.toml` with a `[workspace]` section.
pub fn workspace_root(start: &Path) -> Result<PathBuf> {
    let is_root = |folder: &&Path| {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        manifest.lines().any(|line| line.trim() == "[workspace]")
    };
    let root = start.ancestors().find(is_root);
    root.map(Path::to_owned).with_context(|| format!("no workspace above {}", start.display()))
}
