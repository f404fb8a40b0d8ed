//! The names that a module defines or imports.

use std::collections::BTreeMap;

use syn::{Item, ItemUse};

use super::test_only::is_test_only_item;
use super::use_tree::{CodePath, ImportedName, imports, plain};

/// The place of a module in the tree of its crate.
pub(super) type ModuleId = usize;

/// The meaning of a name in a module.
#[derive(Debug)]
pub(super) enum Binding {
    /// An item that the module defines itself.
    Item,
    Module(ModuleId),
    /// The path of a `use` declaration.
    Import(CodePath),
}

/// The names of a module. One name can stand for several items, such as a type and a function.
#[derive(Debug, Default)]
pub(super) struct Names {
    bindings: BTreeMap<String, Vec<Binding>>,
    globs: Vec<CodePath>,
}

impl Names {
    /// The names of these items. Modules are added by the tree.
    pub(super) fn of(items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items.iter().filter(|item| !is_test_only_item(item)) {
            names.add_item(item);
        }
        names
    }

    pub(super) fn add(&mut self, name: String, binding: Binding) {
        self.bindings.entry(name).or_default().push(binding);
    }

    pub(super) fn get(&self, name: &str) -> &[Binding] {
        self.bindings.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// The paths of `use …::*`.
    pub(super) fn globs(&self) -> &[CodePath] {
        &self.globs
    }

    fn add_item(&mut self, item: &Item) {
        let ident = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            Item::Use(item) => {
                self.add_imports(item);
                None
            }
            _ => None,
        };
        if let Some(ident) = ident {
            self.add(plain(ident), Binding::Item);
        }
    }

    fn add_imports(&mut self, item: &ItemUse) {
        for import in imports(item) {
            match import.name {
                ImportedName::Named(name) => self.add(name, Binding::Import(import.path)),
                ImportedName::All => self.globs.push(import.path),
                ImportedName::Unnamed => {}
            }
        }
    }
}
