//! The comments of a Rust file. A comment begins outside of strings and characters only.

use super::text::{Block, Kind, Line};

/// The comments of a file. Lines of the same kind that follow each other are one block.
pub(super) fn comment_blocks(source: &str) -> Vec<Block> {
    let widths: Vec<usize> = source.lines().map(|line| line.chars().count()).collect();
    let mut blocks: Vec<Block> = Vec::new();
    for comment in Scanner::new(source).comments() {
        let width = widths.get(comment.line - 1).copied().unwrap_or_default();
        let line = Line { number: comment.line, text: comment.text, width };
        match blocks.last_mut() {
            Some(block) if continues(block, comment.kind, comment.line) => block.lines.push(line),
            _ => blocks.push(Block { kind: comment.kind, lines: vec![line] }),
        }
    }
    blocks
}

fn continues(block: &Block, kind: Kind, line: usize) -> bool {
    block.kind == kind && block.lines.last().is_some_and(|last| last.number + 1 == line)
}

struct Comment {
    line: usize,
    kind: Kind,
    text: String,
}

struct Scanner {
    source: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Comment>,
}

impl Scanner {
    fn new(source: &str) -> Self {
        Self { source: source.chars().collect(), at: 0, line: 1, found: Vec::new() }
    }

    fn comments(mut self) -> Vec<Comment> {
        while let Some(next) = self.peek(0) {
            match (next, self.peek(1)) {
                ('/', Some('/')) => self.line_comment(),
                ('/', Some('*')) => self.block_comment(),
                ('"', _) => self.string(),
                ('r', Some('"' | '#')) if !self.is_in_word() => self.raw_string(),
                ('\'', _) => self.character(),
                _ => self.advance(1),
            }
        }
        self.found
    }

    fn line_comment(&mut self) {
        let start = self.at;
        while self.peek(0).is_some_and(|next| next != '\n') {
            self.at += 1;
        }
        let text: String = self.source[start..self.at].iter().collect();
        let (kind, text) = without_slashes(&text);
        self.found.push(Comment { line: self.line, kind, text: text.to_owned() });
    }

    fn block_comment(&mut self) {
        let (start, first_line) = (self.at, self.line);
        let mut depth = 0;
        while let Some(next) = self.peek(0) {
            match (next, self.peek(1)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => {
                    self.advance(1);
                    continue;
                }
            }
            self.advance(2);
            if depth == 0 {
                break;
            }
        }
        let text: String = self.source[start..self.at].iter().collect();
        for (index, line) in text.lines().enumerate() {
            let text = line.trim_matches(['/', '*', ' ']).to_owned();
            self.found.push(Comment { line: first_line + index, kind: Kind::Comment, text });
        }
    }

    fn string(&mut self) {
        self.advance(1);
        while let Some(next) = self.peek(0) {
            self.advance(if next == '\\' { 2 } else { 1 });
            if next == '"' {
                break;
            }
        }
    }

    fn raw_string(&mut self) {
        self.advance(1);
        let hashes = self.source[self.at..].iter().take_while(|&&next| next == '#').count();
        if self.peek(hashes) != Some('"') {
            return; // A raw identifier.
        }
        self.advance(hashes + 1);
        while let Some(next) = self.peek(0) {
            self.advance(1);
            if next == '"' && (0..hashes).all(|index| self.peek(index) == Some('#')) {
                break;
            }
        }
    }

    /// Skips a character in quotes, or the quote of a lifetime.
    fn character(&mut self) {
        if self.peek(1) == Some('\\') {
            self.advance(3);
            while self.peek(0).is_some_and(|next| next != '\'') {
                self.advance(1);
            }
            self.advance(1);
        } else {
            self.advance(if self.peek(2) == Some('\'') { 3 } else { 1 });
        }
    }

    /// Whether the character before this one belongs to a name, as the `r` of `br"…"` does not.
    fn is_in_word(&self) -> bool {
        let before = self.at.checked_sub(1).map(|before| self.source[before]);
        before
            .is_some_and(|before| !matches!(before, 'b' | 'c') && (before.is_alphanumeric() || before == '_'))
    }

    fn peek(&self, ahead: usize) -> Option<char> {
        self.source.get(self.at + ahead).copied()
    }

    fn advance(&mut self, count: usize) {
        for _ in 0..count {
            if self.peek(0) == Some('\n') {
                self.line += 1;
            }
            self.at += 1;
        }
        self.at = self.at.min(self.source.len());
    }
}

fn without_slashes(comment: &str) -> (Kind, &str) {
    let is_ruler = comment.starts_with("////");
    let doc = comment.strip_prefix("///").or_else(|| comment.strip_prefix("//!"));
    match doc.filter(|_| !is_ruler) {
        Some(text) => (Kind::Doc, text.strip_prefix(' ').unwrap_or(text)),
        None => {
            let text = comment.trim_start_matches('/');
            (Kind::Comment, text.strip_prefix(' ').unwrap_or(text))
        }
    }
}
