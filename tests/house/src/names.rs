//! Which names a module has, and which file a path leads to.

use std::collections::BTreeMap;

use syn::Item;

use crate::module_tree::{ModuleId, ModuleTree};
use crate::test_only::is_test_only_item;
use crate::use_tree::{CodePath, ImportedName, imports, plain};

/// What a name stands for in a module.
#[derive(Debug, Clone)]
pub enum Binding {
    /// An item that the module defines itself.
    Item,
    Module(ModuleId),
    /// An item that a `use` declaration names, with its path.
    Import(CodePath),
}

/// The names of a module.
#[derive(Debug, Default)]
pub struct Names {
    bindings: BTreeMap<String, Vec<Binding>>,
    /// The modules of `use module::*`.
    globs: Vec<CodePath>,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    Module(ModuleId),
    /// An item that is defined in this module, or in one of its `impl` blocks or macros.
    Item(ModuleId),
    /// An item of another crate; `via` is the module that re-exports it here.
    External {
        crate_name: String,
        via: Option<ModuleId>,
    },
}

/// How many re-exports a path is followed through. More than that is a circle of imports.
const MAX_REEXPORTS: usize = 32;

impl Names {
    /// The names that these items define or import. Modules are added by the tree.
    #[must_use]
    pub fn of(items: &[Item]) -> Self {
        let mut names = Self::default();
        for item in items.iter().filter(|item| !is_test_only_item(item)) {
            names.add_item(item);
        }
        names
    }

    /// Adds a meaning to a name.
    pub fn add(&mut self, name: String, binding: Binding) {
        self.bindings.entry(name).or_default().push(binding);
    }

    fn add_item(&mut self, item: &Item) {
        let ident = match item {
            Item::Const(item) => &item.ident,
            Item::Enum(item) => &item.ident,
            Item::Fn(item) => &item.sig.ident,
            Item::Static(item) => &item.ident,
            Item::Struct(item) => &item.ident,
            Item::Trait(item) => &item.ident,
            Item::Type(item) => &item.ident,
            Item::Union(item) => &item.ident,
            Item::Macro(item) => match &item.ident {
                Some(ident) => ident,
                None => return,
            },
            Item::Use(item) => return self.add_use(item),
            _ => return,
        };
        self.add(plain(ident), Binding::Item);
    }

    fn add_use(&mut self, item: &syn::ItemUse) {
        for import in imports(item) {
            match import.name {
                ImportedName::Named(name) => self.add(name, Binding::Import(import.path)),
                ImportedName::All => self.globs.push(import.path),
                ImportedName::Unnamed => {}
            }
        }
    }
}

impl ModuleTree {
    /// Follows a path from this module, through re-exports, to the module that defines its item.
    ///
    /// Returns an external target for a path whose first name is not known in the module.
    #[must_use]
    pub fn resolve(&self, module: ModuleId, path: &CodePath) -> Option<Target> {
        self.follow(module, path, 0)
    }

    fn follow(&self, module: ModuleId, path: &CodePath, depth: usize) -> Option<Target> {
        let (first, rest) = path.segments.split_first()?;
        let external = Target::External { crate_name: first.clone(), via: None };
        if path.is_global {
            return Some(external);
        }
        let is_last = rest.is_empty();
        let mut target = match first.as_str() {
            "Self" => return None,
            "crate" => Target::Module(self.root_of(module)),
            "self" => Target::Module(module),
            "super" => Target::Module(self.modules[module].parent?),
            name => match self.look_up(module, name, is_last, depth) {
                Some(target) => target,
                None => return Some(external),
            },
        };
        for (index, segment) in rest.iter().enumerate() {
            let Target::Module(inside) = target else { break };
            target = match segment.as_str() {
                "self" => Target::Module(inside),
                "super" => Target::Module(self.modules[inside].parent?),
                name => {
                    self.look_up(inside, name, index + 1 == rest.len(), depth).unwrap_or(Target::Item(inside))
                }
            };
        }
        Some(target)
    }

    /// Finds a name in a module. In the middle of a path a module comes before an item of the same name.
    fn look_up(&self, module: ModuleId, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        if depth > MAX_REEXPORTS {
            return None;
        }
        let names = &self.modules[module].names;
        let bindings = names.bindings.get(name).map(Vec::as_slice).unwrap_or_default();
        let targets = bindings.iter().filter_map(|binding| self.bound(module, name, binding, depth));
        let (modules, others): (Vec<_>, Vec<_>) =
            targets.partition(|target| matches!(target, Target::Module(_)));
        let mut in_order: Vec<Target> =
            if is_last { [others, modules].concat() } else { [modules, others].concat() };
        if in_order.is_empty() {
            return names
                .globs
                .iter()
                .find_map(|glob| self.look_up_in_glob(module, glob, name, is_last, depth));
        }
        Some(in_order.swap_remove(0))
    }

    fn bound(&self, module: ModuleId, name: &str, binding: &Binding, depth: usize) -> Option<Target> {
        match binding {
            Binding::Item => Some(Target::Item(module)),
            Binding::Module(child) => Some(Target::Module(*child)),
            // `use http;` in a module whose parent also has that name leads back to itself.
            Binding::Import(path) if path.segments.len() == 1 && path.segments[0] == name => {
                Some(Target::External { crate_name: name.to_owned(), via: Some(module) })
            }
            Binding::Import(path) => match self.follow(module, path, depth + 1)? {
                Target::External { crate_name, .. } => {
                    Some(Target::External { crate_name, via: Some(module) })
                }
                target => Some(target),
            },
        }
    }

    fn look_up_in_glob(
        &self,
        module: ModuleId,
        glob: &CodePath,
        name: &str,
        is_last: bool,
        depth: usize,
    ) -> Option<Target> {
        match self.follow(module, glob, depth + 1)? {
            Target::Module(inside) if inside != module => self.look_up(inside, name, is_last, depth + 1),
            _ => None,
        }
    }
}
