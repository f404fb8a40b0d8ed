//! The modules of a crate, as `mod` declarations lay them out over files.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use syn::{Expr, Item, ItemMod, Lit, Meta};

use crate::names::{Binding, Names};
use crate::sources::CrateSources;
use crate::test_only::is_test_only_item;
use crate::use_tree::plain;

/// The place of a module in [`ModuleTree::modules`].
pub type ModuleId = usize;

/// A module: a file, or a `mod` with a body inside one.
#[derive(Debug)]
pub struct Module {
    pub parent: Option<ModuleId>,
    /// The path of its file below the source folder.
    pub file: String,
    pub names: Names,
    /// The folder in which the files of its submodules are looked for.
    folder: String,
}

/// The modules of a crate without those that only tests compile.
#[derive(Default)]
pub struct ModuleTree {
    pub modules: Vec<Module>,
    /// The parsed files, each with the module that it is.
    pub files: Vec<(ModuleId, syn::File)>,
    by_item: BTreeMap<(ModuleId, String), ModuleId>,
}

impl ModuleTree {
    /// Reads a crate from `lib.rs` and `main.rs` downwards.
    ///
    /// # Errors
    ///
    /// Fails if a file cannot be parsed, or if a declared module has no file.
    pub fn load(sources: &CrateSources) -> Result<Self> {
        let mut tree = Self::default();
        for root in ["lib.rs", "main.rs"] {
            if sources.files.contains_key(root) {
                tree.load_file(sources, None, root.to_owned(), String::new())?;
            }
        }
        Ok(tree)
    }

    /// The module whose body stands in the file of `parent` under this name.
    #[must_use]
    pub fn inline_child(&self, parent: ModuleId, name: &str) -> Option<ModuleId> {
        self.by_item.get(&(parent, name.to_owned())).copied()
    }

    /// The outermost module above this one.
    #[must_use]
    pub fn root_of(&self, module: ModuleId) -> ModuleId {
        self.modules[module].parent.map_or(module, |parent| self.root_of(parent))
    }

    fn load_file(
        &mut self,
        sources: &CrateSources,
        parent: Option<ModuleId>,
        file: String,
        folder: String,
    ) -> Result<ModuleId> {
        let text =
            sources.files.get(&file).with_context(|| format!("{}/{file} is missing", sources.folder))?;
        let parsed =
            syn::parse_file(text).with_context(|| format!("cannot parse {}/{file}", sources.folder))?;
        let module = self.add(parent, file, folder, &parsed.items);
        self.load_children(sources, module, &parsed.items)?;
        self.files.push((module, parsed));
        Ok(module)
    }

    fn add(&mut self, parent: Option<ModuleId>, file: String, folder: String, items: &[Item]) -> ModuleId {
        self.modules.push(Module { parent, file, names: Names::of(items), folder });
        self.modules.len() - 1
    }

    fn load_children(&mut self, sources: &CrateSources, module: ModuleId, items: &[Item]) -> Result<()> {
        for item in items.iter().filter(|item| !is_test_only_item(item)) {
            let Item::Mod(declared) = item else { continue };
            let name = plain(&declared.ident);
            let child = match &declared.content {
                Some((_, items)) => self.load_inline(sources, module, &name, items)?,
                None => {
                    let (file, folder) = self.file_of(sources, module, declared, &name);
                    self.load_file(sources, Some(module), file, folder)?
                }
            };
            self.modules[module].names.add(name, Binding::Module(child));
        }
        Ok(())
    }

    fn load_inline(
        &mut self,
        sources: &CrateSources,
        module: ModuleId,
        name: &str,
        items: &[Item],
    ) -> Result<ModuleId> {
        let file = self.modules[module].file.clone();
        let folder = join(&self.modules[module].folder, name);
        let child = self.add(Some(module), file, folder, items);
        self.by_item.insert((module, name.to_owned()), child);
        self.load_children(sources, child, items)?;
        Ok(child)
    }

    /// The file of a module that is declared without a body, and the folder of its submodules.
    fn file_of(
        &self,
        sources: &CrateSources,
        parent: ModuleId,
        declared: &ItemMod,
        name: &str,
    ) -> (String, String) {
        let parent = &self.modules[parent];
        if let Some(path) = path_attribute(declared) {
            let file = join(folder_of(&parent.file), &path);
            let folder = folder_of(&file).to_owned();
            return (file, folder);
        }
        let folder = join(&parent.folder, name);
        let nested = format!("{folder}/mod.rs");
        let file = if sources.files.contains_key(&nested) { nested } else { format!("{folder}.rs") };
        (file, folder)
    }
}

/// The value of `#[path = "…"]`.
fn path_attribute(declared: &ItemMod) -> Option<String> {
    declared.attrs.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            Expr::Lit(value) => match &value.lit {
                Lit::Str(text) => Some(text.value()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    })
}

fn folder_of(file: &str) -> &str {
    file.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Joins two paths and resolves `..`.
fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
