//! The references of each file: to items of other files, and to other crates.

use std::collections::BTreeSet;

use anyhow::Result;
use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{Item, ItemMod, ItemUse, Macro, MetaList, Path, Stmt, Visibility};

use super::module_tree::ModuleTree;
use super::names::ModuleId;
use super::resolve::Target;
use super::test_only::{
    attributes_of_impl_item, attributes_of_statement, attributes_of_trait_item, is_test_only,
    is_test_only_item,
};
use super::tokens;
use super::use_tree::{CodePath, imports, plain};
use crate::workspace::CrateSources;

/// A place in a file that names something outside of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Reference {
    pub(crate) file: String,
    pub(crate) line: usize,
    /// The path as it is written there.
    pub(crate) path: String,
    /// The other file of this crate that defines or re-exports it.
    pub(crate) to: Option<String>,
    /// The other crate that it comes from.
    pub(crate) crate_name: Option<String>,
}

/// Finds all references of a crate, without those of code that only tests compile.
pub(crate) fn references(sources: &CrateSources<'_>) -> Result<BTreeSet<Reference>> {
    let tree = ModuleTree::load(sources)?;
    let mut found = BTreeSet::new();
    for (module, file) in tree.files() {
        let mut collector = Collector { tree: &tree, module: *module, found: &mut found };
        collector.visit_file(file);
    }
    Ok(found)
}

struct Collector<'a> {
    tree: &'a ModuleTree<'a>,
    module: ModuleId,
    found: &'a mut BTreeSet<Reference>,
}

impl Collector<'_> {
    fn add(&mut self, path: &CodePath) {
        let (to, crate_name) = match self.tree.resolve(self.module, path) {
            Some(Target::Module(module) | Target::Item(module)) => (Some(module), None),
            Some(Target::External { crate_name, via }) => (via, Some(crate_name)),
            None => return,
        };
        let file = self.tree.file_of(self.module).to_owned();
        let to = to.map(|module| self.tree.file_of(module).to_owned()).filter(|to| *to != file);
        if to.is_some() || crate_name.is_some() {
            let (line, path) = (path.line, path.segments.join("::"));
            self.found.insert(Reference { file, line, path, to, crate_name });
        }
    }

    fn add_tokens(&mut self, tokens: &TokenStream) {
        for path in tokens::paths(tokens.clone()) {
            self.add(&path);
        }
    }
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only_item(item) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast syn::ImplItem) {
        if !is_test_only(attributes_of_impl_item(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast syn::TraitItem) {
        if !is_test_only(attributes_of_trait_item(item)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if !is_test_only(attributes_of_statement(statement)) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast syn::Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_item_mod(&mut self, declared: &'ast ItemMod) {
        let Some(child) = self.tree.inline_child(self.module, &plain(&declared.ident)) else { return };
        let outer = std::mem::replace(&mut self.module, child);
        visit::visit_item_mod(self, declared);
        self.module = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for import in imports(item) {
            self.add(&import.path);
        }
    }

    /// A visibility such as `pub(in crate::a)` names no item.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast Path) {
        // A single name stands for an item of this file, or for an import that was counted already.
        if let Some(first) = path.segments.first().filter(|_| path.segments.len() > 1) {
            let segments = path.segments.iter().map(|segment| plain(&segment.ident)).collect();
            let line = first.ident.span().start().line;
            self.add(&CodePath { is_global: path.leading_colon.is_some(), segments, line });
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        visit::visit_macro(self, call);
        self.add_tokens(&call.tokens);
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.add_tokens(&list.tokens);
    }
}
