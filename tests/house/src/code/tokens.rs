//! Paths and functions in the tokens of a macro, which `syn` does not parse.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use super::use_tree::{CodePath, plain};

/// The paths of at least two segments in these tokens.
pub(super) fn paths(tokens: TokenStream) -> Vec<CodePath> {
    let mut found = Vec::new();
    collect_paths(tokens, &mut found);
    found
}

fn collect_paths(tokens: TokenStream, found: &mut Vec<CodePath>) {
    let mut current: Option<CodePath> = None;
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ':' => colons += 1,
            TokenTree::Ident(ident) => {
                match &mut current {
                    Some(path) if colons == 2 => path.segments.push(plain(&ident)),
                    _ => finish(current.replace(start_path(&ident)), found),
                }
                colons = 0;
            }
            other => {
                finish(current.take(), found);
                colons = 0;
                if let TokenTree::Group(group) = other {
                    collect_paths(group.stream(), found);
                }
            }
        }
    }
    finish(current, found);
}

fn start_path(ident: &Ident) -> CodePath {
    CodePath { is_global: false, segments: vec![plain(ident)], line: ident.span().start().line }
}

fn finish(path: Option<CodePath>, found: &mut Vec<CodePath>) {
    found.extend(path.filter(|path| path.segments.len() > 1));
}

/// The functions with a body in these tokens: name, line of `fn`, line of the closing brace.
pub(super) fn functions(tokens: TokenStream) -> Vec<(Ident, usize, usize)> {
    let mut found = Vec::new();
    let mut keyword: Option<usize> = None;
    let mut signature: Option<(Ident, usize)> = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "fn" => keyword = Some(ident.span().start().line),
            TokenTree::Ident(ident) => {
                signature = keyword.take().map(|line| (ident, line)).or(signature);
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => signature = None,
            TokenTree::Group(group) => {
                let body = (group.delimiter() == Delimiter::Brace).then(|| signature.take());
                if let Some((name, line)) = body.flatten() {
                    found.push((name, line, group.span_close().end().line));
                }
                keyword = None;
                found.extend(functions(group.stream()));
            }
            _ => {}
        }
    }
    found
}
