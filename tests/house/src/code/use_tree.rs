//! `use` declarations, taken apart into one path for each name.

use proc_macro2::Ident;
use syn::{ItemUse, UseTree};

/// A path as it is written in source code.
#[derive(Debug, Clone)]
pub(super) struct CodePath {
    /// Whether it begins with `::`, and so with the name of a crate.
    pub(super) is_global: bool,
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// One path of a `use` declaration.
pub(super) struct Import {
    pub(super) path: CodePath,
    pub(super) name: ImportedName,
}

/// The name that an import brings into scope.
pub(super) enum ImportedName {
    Named(String),
    /// `as _`
    Unnamed,
    /// `::*`
    All,
}

/// The paths of a declaration, in order.
pub(super) fn imports(item: &ItemUse) -> Vec<Import> {
    let line = item.use_token.span.start().line;
    let mut branch = Branch { is_global: item.leading_colon.is_some(), segments: Vec::new(), line };
    let mut found = Vec::new();
    branch.collect(&item.tree, &mut found);
    found
}

/// An identifier without `r#`.
pub(super) fn plain(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// The segments on the way to a part of a declaration.
struct Branch {
    is_global: bool,
    segments: Vec<String>,
    /// The line of the last segment.
    line: usize,
}

impl Branch {
    fn collect(&mut self, tree: &UseTree, found: &mut Vec<Import>) {
        match tree {
            UseTree::Path(path) => {
                self.segments.push(plain(&path.ident));
                self.line = path.ident.span().start().line;
                self.collect(&path.tree, found);
                self.segments.pop();
            }
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.collect(tree, found));
            }
            UseTree::Name(name) => {
                let path = self.path_to(&name.ident);
                let name = path.segments.last().cloned().unwrap_or_default();
                found.push(Import { path, name: ImportedName::Named(name) });
            }
            UseTree::Rename(rename) => {
                let name = match plain(&rename.rename) {
                    name if name == "_" => ImportedName::Unnamed,
                    name => ImportedName::Named(name),
                };
                found.push(Import { path: self.path_to(&rename.ident), name });
            }
            UseTree::Glob(_) => {
                let segments = self.segments.clone();
                let path = CodePath { is_global: self.is_global, segments, line: self.line };
                found.push(Import { path, name: ImportedName::All });
            }
        }
    }

    /// The path to a name. `self` in braces is the path to the braces.
    fn path_to(&self, ident: &Ident) -> CodePath {
        let mut segments = self.segments.clone();
        if segments.is_empty() || ident != "self" {
            segments.push(plain(ident));
        }
        CodePath { is_global: self.is_global, segments, line: ident.span().start().line }
    }
}
