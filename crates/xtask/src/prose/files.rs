//! The files that have prose: all sources, tests and examples among them, and all Markdown.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::comments::comment_blocks;
use super::text::{ProseFile, markdown_block};

/// Folders that hold no text of this repository.
const SKIPPED: [&str; 2] = [".git", "node_modules"];
/// Cargo puts this file into its target folder. Sources may have a folder of that name too.
const BUILD_MARK: &str = "CACHEDIR.TAG";

/// Reads the files below `paths`, or all of them if there are none.
pub(super) fn prose_files(root: &Path, paths: &[String]) -> Result<Vec<ProseFile>> {
    let mut files = Vec::new();
    for path in all_files(root)? {
        let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().replace('\\', "/");
        let is_wanted = paths.is_empty() || paths.iter().any(|prefix| Path::new(&name).starts_with(prefix));
        if is_wanted && (is_markdown(&name) || name.ends_with(".rs")) {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
            let blocks = if is_markdown(&name) { vec![markdown_block(&text)] } else { comment_blocks(&text) };
            files.push(ProseFile { path: name, blocks });
        }
    }
    Ok(files)
}

fn is_markdown(name: &str) -> bool {
    name.ends_with(".md") && !name.contains("LICENSE")
}

fn all_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut entries = list.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(fs::DirEntry::path);
    let mut files = Vec::new();
    for entry in entries {
        let kind = entry.file_type()?;
        if kind.is_file() {
            files.push(entry.path());
        } else if kind.is_dir()
            && !SKIPPED.iter().any(|name| entry.file_name() == *name)
            && !entry.path().join(BUILD_MARK).exists()
        {
            files.extend(all_files(&entry.path())?);
        }
    }
    Ok(files)
}
