//! The source files of the workspace, read from disk or given as text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Files by path, with `/` between the parts.
pub type Files = BTreeMap<String, String>;

/// The source files of one crate.
#[derive(Debug)]
pub struct CrateSources {
    /// The path of the source folder from the root of the workspace, such as `crates/larder/src`.
    pub folder: String,
    /// The files by their path below that folder.
    pub files: Files,
}

impl CrateSources {
    /// Makes a crate from texts.
    #[must_use]
    pub fn from_texts(folder: &str, files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|&(path, text)| (path.to_owned(), text.to_owned())).collect();
        Self { folder: folder.to_owned(), files }
    }

    /// The name of the crate's folder.
    #[must_use]
    pub fn name(&self) -> &str {
        self.folder.trim_end_matches("/src").rsplit('/').next().unwrap_or_default()
    }
}

/// Finds the root of the workspace that `start` is in.
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

/// Reads the sources of every crate below `crates/`.
///
/// # Errors
///
/// Fails if a folder or a file cannot be read.
pub fn library_crates(root: &Path) -> Result<Vec<CrateSources>> {
    let mut crates = Vec::new();
    for entry in entries(&root.join("crates"))? {
        let source = entry.join("src");
        if source.is_dir() {
            let folder = relative(root, &source);
            crates.push(CrateSources { folder, files: read_all(&source, "rs")? });
        }
    }
    Ok(crates)
}

/// Reads every file below `folder` whose name ends in this extension, except build products.
///
/// # Errors
///
/// Fails if a folder or a file cannot be read.
pub fn read_all(folder: &Path, extension: &str) -> Result<Files> {
    let mut files = Files::new();
    for path in all_paths(folder)? {
        if path.extension().is_some_and(|found| found == extension) {
            let text =
                fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            files.insert(relative(folder, &path), text);
        }
    }
    Ok(files)
}

/// The paths of all files and folders below `folder`, except build products.
///
/// # Errors
///
/// Fails if a folder cannot be read.
pub fn all_paths(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for path in entries(folder)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name == "target" || name == "node_modules" {
            continue;
        }
        if path.is_dir() {
            paths.extend(all_paths(&path)?);
        }
        paths.push(path);
    }
    Ok(paths)
}

/// The path from `root` to `path`, with `/` between the parts.
#[must_use]
pub fn relative(root: &Path, path: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut paths = list.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}
