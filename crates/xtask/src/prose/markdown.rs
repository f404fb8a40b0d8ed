//! The paragraphs of a block, without its code.

use super::text::{Block, Line};

/// Lines that are read in one go.
pub(super) struct Paragraph<'a> {
    pub(super) lines: Vec<&'a Line>,
    pub(super) form: Form,
}

/// The form of a paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Prose,
    /// `> …`
    Quote,
    /// `# …`
    Heading,
    /// `| … |`
    Row,
    /// `[name]: target`
    LinkTarget,
}

/// Splits a block at empty lines, code, list items, headings and rows of tables.
pub(super) fn paragraphs(block: &Block) -> Vec<Paragraph<'_>> {
    let mut paragraphs: Vec<Paragraph<'_>> = Vec::new();
    let mut fence: Option<&str> = None;
    let mut is_open = false;
    for line in &block.lines {
        let text = line.text.trim_start();
        if let Some(marker) = ["```", "~~~"].into_iter().find(|marker| text.starts_with(marker)) {
            is_open = false;
            match fence {
                None => fence = Some(marker),
                Some(open) if open == marker => fence = None,
                Some(_) => {}
            }
        } else if fence.is_none() {
            is_open = add(&mut paragraphs, line, is_open);
        }
    }
    paragraphs
}

/// Adds a line to the last paragraph, or begins one.
///
/// Returns whether the next line may belong to the same paragraph.
fn add<'a>(paragraphs: &mut Vec<Paragraph<'a>>, line: &'a Line, is_open: bool) -> bool {
    let text = line.text.trim_start();
    if text.is_empty() {
        return false;
    }
    let form = form_of(text);
    match paragraphs.last_mut() {
        Some(last) if is_open && last.form == form && !is_list_item(text) => last.lines.push(line),
        _ => paragraphs.push(Paragraph { lines: vec![line], form }),
    }
    matches!(form, Form::Prose | Form::Quote)
}

fn form_of(text: &str) -> Form {
    if text.starts_with('>') {
        Form::Quote
    } else if text.trim_start_matches('#').starts_with(' ') && text.starts_with('#') {
        Form::Heading
    } else if text.starts_with('|') {
        Form::Row
    } else if text.starts_with('[') && text.contains("]: ") {
        Form::LinkTarget
    } else {
        Form::Prose
    }
}

/// Whether a line begins with `* `, `- `, `+ ` or `1. `.
fn is_list_item(text: &str) -> bool {
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let rest = &text[digits..];
    if digits == 0 {
        rest.starts_with(['*', '-', '+']) && rest[1..].starts_with(' ')
    } else {
        rest.starts_with(". ")
    }
}
