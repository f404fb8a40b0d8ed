//! The functions of a file, with the lines that they take.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::{Block, File, ImplItemFn, ItemFn, Macro, Signature, TraitItemFn};

use super::tokens;

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of `fn`.
    pub(crate) first_line: usize,
    /// The line of the closing brace.
    pub(crate) last_line: usize,
}

impl Function {
    pub(crate) fn lines(&self) -> usize {
        self.last_line + 1 - self.first_line
    }
}

/// The functions of a file, those in macro calls included.
pub(crate) fn functions(file: &File) -> Vec<Function> {
    let mut collector = Collector { found: Vec::new() };
    collector.visit_file(file);
    collector.found
}

struct Collector {
    found: Vec<Function>,
}

impl Collector {
    fn add(&mut self, signature: &Signature, body: &Block) {
        let first_line = signature.fn_token.span.start().line;
        self.push(&signature.ident, first_line, body.brace_token.span.close().end().line);
    }

    fn push(&mut self, name: &Ident, first_line: usize, last_line: usize) {
        self.found.push(Function { name: name.to_string(), first_line, last_line });
    }
}

impl<'ast> Visit<'ast> for Collector {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.add(&function.sig, &function.block);
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.add(&function.sig, body);
        }
        visit::visit_trait_item_fn(self, function);
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        for (name, first_line, last_line) in tokens::functions(call.tokens.clone()) {
            self.push(&name, first_line, last_line);
        }
    }
}
