//! The modules of a crate, as `mod` declarations lay them out over files.

use anyhow::{Context, Result};
use syn::{Expr, ExprLit, Item, ItemMod, Lit, Meta};

use super::names::{Binding, ModuleId, Names};
use super::test_only::is_test_only_item;
use super::use_tree::plain;
use crate::workspace::CrateSources;

/// The modules of a crate, without those that only tests compile.
pub(super) struct ModuleTree<'a> {
    sources: &'a CrateSources<'a>,
    modules: Vec<Module>,
    files: Vec<(ModuleId, syn::File)>,
}

/// A module: a file, or a `mod` with a body inside one.
struct Module {
    parent: Option<ModuleId>,
    place: Place,
    names: Names,
}

/// Where a module is found.
struct Place {
    /// The path of its file below the source folder.
    file: String,
    /// The folder in which the files of its submodules are looked for.
    folder: String,
}

impl<'a> ModuleTree<'a> {
    /// Reads a crate from `lib.rs` and `main.rs` downwards.
    pub(super) fn load(sources: &'a CrateSources<'a>) -> Result<Self> {
        let mut tree = Self { sources, modules: Vec::new(), files: Vec::new() };
        for root in ["lib.rs", "main.rs"] {
            if sources.files.contains_key(root) {
                tree.load_file(None, Place { file: root.to_owned(), folder: String::new() })?;
            }
        }
        Ok(tree)
    }

    /// The parsed files, each with its module.
    pub(super) fn files(&self) -> &[(ModuleId, syn::File)] {
        &self.files
    }

    pub(super) fn file_of(&self, module: ModuleId) -> &str {
        &self.modules[module].place.file
    }

    pub(super) fn names_of(&self, module: ModuleId) -> &Names {
        &self.modules[module].names
    }

    pub(super) fn parent_of(&self, module: ModuleId) -> Option<ModuleId> {
        self.modules[module].parent
    }

    /// The outermost module above this one.
    pub(super) fn root_of(&self, module: ModuleId) -> ModuleId {
        self.modules[module].parent.map_or(module, |parent| self.root_of(parent))
    }

    /// The module of this name whose body stands in the file of its parent.
    pub(super) fn inline_child(&self, parent: ModuleId, name: &str) -> Option<ModuleId> {
        self.names_of(parent).get(name).iter().find_map(|binding| match binding {
            Binding::Module(child) if self.file_of(*child) == self.file_of(parent) => Some(*child),
            _ => None,
        })
    }

    fn load_file(&mut self, parent: Option<ModuleId>, place: Place) -> Result<ModuleId> {
        let path = format!("{}/{}", self.sources.folder, place.file);
        let text = self.sources.files.get(place.file.as_str());
        let text = text.with_context(|| format!("{path} is declared, but missing"))?;
        let parsed = super::parse(&path, text)?;
        let module = self.load_items(parent, place, &parsed.items)?;
        self.files.push((module, parsed));
        Ok(module)
    }

    fn load_items(&mut self, parent: Option<ModuleId>, place: Place, items: &[Item]) -> Result<ModuleId> {
        let module = self.modules.len();
        self.modules.push(Module { parent, place, names: Names::of(items) });
        for item in items.iter().filter(|item| !is_test_only_item(item)) {
            if let Item::Mod(declared) = item {
                let child = self.load_child(module, declared)?;
                self.modules[module].names.add(plain(&declared.ident), Binding::Module(child));
            }
        }
        Ok(module)
    }

    fn load_child(&mut self, parent: ModuleId, declared: &ItemMod) -> Result<ModuleId> {
        let place = &self.modules[parent].place;
        let name = plain(&declared.ident);
        match &declared.content {
            Some((_, items)) => {
                let place = Place { file: place.file.clone(), folder: join(&place.folder, &name) };
                self.load_items(Some(parent), place, items)
            }
            None => {
                let place = self.place_of(place, declared, &name);
                self.load_file(Some(parent), place)
            }
        }
    }

    /// The place of a module that is declared without a body.
    fn place_of(&self, parent: &Place, declared: &ItemMod, name: &str) -> Place {
        if let Some(path) = declared.attrs.iter().find_map(|attribute| path_value(&attribute.meta)) {
            let file = join(folder_of(&parent.file), &path);
            let folder = folder_of(&file).to_owned();
            return Place { file, folder };
        }
        let folder = join(&parent.folder, name);
        let nested = format!("{folder}/mod.rs");
        let is_nested = self.sources.files.contains_key(nested.as_str());
        Place { file: if is_nested { nested } else { format!("{folder}.rs") }, folder }
    }
}

/// The value of `#[path = "…"]`.
fn path_value(meta: &Meta) -> Option<String> {
    let pair = meta.require_name_value().ok().filter(|pair| pair.path.is_ident("path"))?;
    match &pair.value {
        Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
        _ => None,
    }
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
