//! `use` declarations, taken apart into one path for each name.

use syn::{ItemUse, UseTree};

/// A path as it is written in source code.
#[derive(Debug, Clone)]
pub struct CodePath {
    /// Whether it begins with `::`, and so with the name of a crate.
    pub is_global: bool,
    pub segments: Vec<String>,
    pub line: usize,
}

impl CodePath {
    /// The path as text.
    #[must_use]
    pub fn text(&self) -> String {
        self.segments.join("::")
    }
}

/// One path of a `use` declaration.
pub(crate) struct Import {
    pub(crate) path: CodePath,
    pub(crate) name: ImportedName,
}

/// The name that an import brings into scope.
pub(crate) enum ImportedName {
    Named(String),
    /// `as _`
    Unnamed,
    /// `::*`
    All,
}

/// The paths of a declaration, in order.
pub(crate) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    collect(&item.tree, item.leading_colon.is_some(), &[], &mut found);
    found
}

fn collect(tree: &UseTree, is_global: bool, before: &[String], found: &mut Vec<Import>) {
    let import = |ident: &proc_macro2::Ident, last: Option<String>, name: ImportedName| {
        let segments = before.iter().cloned().chain(last).collect();
        Import { path: CodePath { is_global, segments, line: ident.span().start().line }, name }
    };
    match tree {
        UseTree::Path(path) => {
            let before = [before, &[plain(&path.ident)]].concat();
            collect_below(&path.tree, is_global, &before, &path.ident, found);
        }
        UseTree::Group(group) => {
            group.items.iter().for_each(|tree| collect(tree, is_global, before, found));
        }
        UseTree::Name(name) if name.ident == "self" => {
            let module = before.last().cloned().unwrap_or_default();
            found.push(import(&name.ident, None, ImportedName::Named(module)));
        }
        UseTree::Name(name) => {
            let last = plain(&name.ident);
            found.push(import(&name.ident, Some(last.clone()), ImportedName::Named(last)));
        }
        UseTree::Rename(rename) => {
            let last = (rename.ident != "self").then(|| plain(&rename.ident));
            let name = match plain(&rename.rename).as_str() {
                "_" => ImportedName::Unnamed,
                name => ImportedName::Named(name.to_owned()),
            };
            found.push(import(&rename.ident, last, name));
        }
        UseTree::Glob(_) => {}
    }
}

/// As [`collect`], for the tree below a path: only there can a `*` stand.
fn collect_below(
    tree: &UseTree,
    is_global: bool,
    before: &[String],
    parent: &proc_macro2::Ident,
    found: &mut Vec<Import>,
) {
    match tree {
        UseTree::Glob(_) => {
            let path = CodePath { is_global, segments: before.to_vec(), line: parent.span().start().line };
            found.push(Import { path, name: ImportedName::All });
        }
        UseTree::Group(group) => {
            for tree in &group.items {
                collect_below(tree, is_global, before, parent, found);
            }
        }
        _ => collect(tree, is_global, before, found),
    }
}

/// An identifier without `r#`.
pub(crate) fn plain(ident: &proc_macro2::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}
