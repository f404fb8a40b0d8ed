//! Follows a path to the module that defines its item.

use super::module_tree::ModuleTree;
use super::names::{Binding, ModuleId};
use super::use_tree::CodePath;

/// The end of a path.
#[derive(Debug)]
pub(super) enum Target {
    Module(ModuleId),
    /// An item that this module defines, or something that belongs to such an item.
    Item(ModuleId),
    /// An item of another crate.
    External {
        crate_name: String,
        /// The module that re-exports it.
        via: Option<ModuleId>,
    },
}

/// How many re-exports are followed. A longer way is a circle of imports.
const MAX_REEXPORTS: usize = 32;

impl ModuleTree<'_> {
    /// Follows a path from this module, through re-exports, to the module that defines its item.
    ///
    /// A path whose first name the module does not know leads to another crate of that name.
    pub(super) fn resolve(&self, module: ModuleId, path: &CodePath) -> Option<Target> {
        self.follow(module, path, 0)
    }

    fn follow(&self, module: ModuleId, path: &CodePath, depth: usize) -> Option<Target> {
        let (first, rest) = path.segments.split_first()?;
        let mut target = match first.as_str() {
            _ if path.is_global => external(first),
            "Self" => return None,
            "crate" => Target::Module(self.root_of(module)),
            "self" => Target::Module(module),
            "super" => Target::Module(self.parent_of(module)?),
            name => match self.look_up(module, name, rest.is_empty(), depth) {
                Some(target) => target,
                None => external(first),
            },
        };
        for (index, name) in rest.iter().enumerate() {
            let Target::Module(inside) = target else { break };
            let is_last = index + 1 == rest.len();
            target = match name.as_str() {
                "super" => Target::Module(self.parent_of(inside)?),
                // A name that is not found is made by a macro of that module.
                name => self.look_up(inside, name, is_last, depth).unwrap_or(Target::Item(inside)),
            };
        }
        Some(target)
    }

    /// Finds a name in a module. A module comes first in a path, and last at the end of one.
    fn look_up(&self, module: ModuleId, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        if depth > MAX_REEXPORTS {
            return None;
        }
        let bindings = self.names_of(module).get(name).iter();
        let targets = bindings.filter_map(|binding| self.bound(module, name, binding, depth));
        let (mut first, mut second): (Vec<_>, Vec<_>) =
            targets.partition(|target| matches!(target, Target::Module(_)) != is_last);
        first.append(&mut second);
        first.into_iter().next().or_else(|| self.look_up_in_globs(module, name, is_last, depth))
    }

    fn bound(&self, module: ModuleId, name: &str, binding: &Binding, depth: usize) -> Option<Target> {
        let path = match binding {
            Binding::Item => return Some(Target::Item(module)),
            Binding::Module(child) => return Some(Target::Module(*child)),
            Binding::Import(path) => path,
        };
        let target = match path.segments.as_slice() {
            // `use name;` does not lead to itself, but to a crate.
            [only] if only == name => external(name),
            _ => self.follow(module, path, depth + 1)?,
        };
        match target {
            Target::External { crate_name, .. } => Some(Target::External { crate_name, via: Some(module) }),
            target => Some(target),
        }
    }

    fn look_up_in_globs(&self, module: ModuleId, name: &str, is_last: bool, depth: usize) -> Option<Target> {
        self.names_of(module).globs().iter().find_map(|glob| match self.follow(module, glob, depth + 1)? {
            Target::Module(inside) if inside != module => self.look_up(inside, name, is_last, depth + 1),
            _ => None,
        })
    }
}

fn external(name: &str) -> Target {
    Target::External { crate_name: name.to_owned(), via: None }
}
