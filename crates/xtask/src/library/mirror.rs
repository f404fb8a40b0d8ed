//! Copies that leave unchanged files alone, so that cargo does not compile them again.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

/// Makes `to` a copy of the folder `from`.
pub(super) fn folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot create {}", to.display()))?;
    let entries = list(from)?;
    for gone in list(to)?.difference(&entries) {
        remove(to, gone)?;
    }
    for Entry { name, is_folder } in &entries {
        let (from, to) = (from.join(name), to.join(name));
        if *is_folder {
            folder(&from, &to)?;
        } else {
            let content = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
            file(&to, &content)?;
        }
    }
    Ok(())
}

/// Writes a file, unless it has this content already.
pub(super) fn file(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|old| old == content) {
        return Ok(());
    }
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    name: OsString,
    is_folder: bool,
}

fn list(folder: &Path) -> Result<BTreeSet<Entry>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| entry.map(|entry| Entry { is_folder: entry.path().is_dir(), name: entry.file_name() }))
        .collect::<Result<_, _>>()
        .with_context(|| format!("cannot read {}", folder.display()))
}

fn remove(folder: &Path, entry: &Entry) -> Result<()> {
    let path = folder.join(&entry.name);
    let removed = if entry.is_folder { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::process;

    use super::*;

    #[test]
    fn the_copy_follows_the_original_and_keeps_unchanged_files() {
        let root = env::temp_dir().join(format!("xtask-mirror-{}", process::id()));
        let (from, to) = (root.join("from"), root.join("to"));
        let write = |path: &str, content: &str| {
            let path = from.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        };
        write("same.rs", "same");
        write("changed.rs", "old");
        write("gone.rs", "gone");
        write("moved.rs", "moved");
        folder(&from, &to).unwrap();
        let unchanged = fs::metadata(to.join("same.rs")).unwrap().modified().unwrap();

        write("changed.rs", "new");
        fs::remove_file(from.join("gone.rs")).unwrap();
        // A folder takes the name of a file.
        fs::remove_file(from.join("moved.rs")).unwrap();
        write("moved.rs/mod.rs", "moved");
        folder(&from, &to).unwrap();

        assert_eq!(fs::read_to_string(to.join("changed.rs")).unwrap(), "new");
        assert_eq!(fs::read_to_string(to.join("moved.rs/mod.rs")).unwrap(), "moved");
        assert!(!to.join("gone.rs").exists());
        assert_eq!(fs::metadata(to.join("same.rs")).unwrap().modified().unwrap(), unchanged);
        fs::remove_dir_all(root).unwrap();
    }
}
