//! Paths and functions in the tokens of a macro, which `syn` does not parse.

use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};

use crate::use_tree::{CodePath, plain};

/// The paths of at least two segments in these tokens.
pub(crate) fn paths(tokens: TokenStream) -> Vec<CodePath> {
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
                    _ => finish(current.replace(beginning(&ident)), found),
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

fn beginning(ident: &Ident) -> CodePath {
    CodePath { is_global: false, segments: vec![plain(ident)], line: ident.span().start().line }
}

fn finish(path: Option<CodePath>, found: &mut Vec<CodePath>) {
    found.extend(path.filter(|path| path.segments.len() > 1));
}

/// The functions in these tokens: name, first line, last line.
pub(crate) fn functions(tokens: TokenStream) -> Vec<(String, usize, usize)> {
    let mut found = Vec::new();
    let mut begun: Option<(String, usize)> = None;
    let mut keyword: Option<usize> = None;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "fn" => keyword = Some(ident.span().start().line),
            TokenTree::Ident(ident) => {
                if let Some(line) = keyword.take() {
                    begun = Some((ident.to_string(), line));
                }
            }
            TokenTree::Punct(punct) if punct.as_char() == ';' => begun = None,
            TokenTree::Group(group) => {
                keyword = None;
                if group.delimiter() == Delimiter::Brace
                    && let Some((name, line)) = begun.take()
                {
                    found.push((name, line, group.span_close().end().line));
                }
                found.extend(functions(group.stream()));
            }
            _ => {}
        }
    }
    found
}
