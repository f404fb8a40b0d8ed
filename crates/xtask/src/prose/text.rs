//! Prose as it is found in files.

/// A file with its prose.
pub(super) struct ProseFile {
    /// The path from the root of the workspace.
    pub(super) path: String,
    pub(super) blocks: Vec<Block>,
}

/// A comment of one or more lines, or a Markdown file.
pub(super) struct Block {
    pub(super) kind: Kind,
    pub(super) lines: Vec<Line>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `///` or `//!`
    Doc,
    /// `//`
    Comment,
    Markdown,
}

/// A line without the slashes of a comment.
pub(super) struct Line {
    pub(super) number: usize,
    pub(super) text: String,
    /// The number of columns that the line takes in its file.
    pub(super) width: usize,
}

/// A Markdown file as one block.
pub(super) fn markdown_block(text: &str) -> Block {
    let line = |(index, line): (usize, &str)| Line {
        number: index + 1,
        text: line.to_owned(),
        width: line.chars().count(),
    };
    Block { kind: Kind::Markdown, lines: text.lines().enumerate().map(line).collect() }
}
