//! The output of a command.
//!
//! | file | what it does |
//! | --- | --- |
//! | `table.rs` | tables for humans |
//! | `units.rs` | numbers with units |
//! | `dates.rs` | dates in UTC |
//! | `feed_item.rs` | one line of `larder tail` |
//! | `stored_table.rs` | a table of what is stored |
//! | `switch_table.rs` | a table of switches |
//! | `store_table.rs` | the figures of Redis |
//! | `instance_table.rs` | a table of instances |
//! | `advice_lines.rs` | findings |
//! | `closed_pipe.rs` | notices that the reader of the output has left |
//! | `progress.rs` | a progress bar for long work |

pub(crate) mod advice_lines;
pub(crate) mod closed_pipe;
pub(crate) mod dates;
pub(crate) mod feed_item;
pub(crate) mod instance_table;
mod progress;
pub(crate) mod store_table;
pub(crate) mod stored_table;
pub(crate) mod switch_table;
mod table;
pub(crate) mod units;

use std::ffi::OsStr;
use std::io::{self, IsTerminal, Write};

use serde::Serialize;

pub(crate) use crate::output::progress::Progress;
pub(crate) use crate::output::table::{Table, number, text};

use crate::cli_error::CliError;

/// The standard output, for humans or for programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
    has_color: bool,
}

/// How good something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Tone {
    Good,
    Warning,
    Bad,
}

/// The form of the output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    /// Tables and sentences.
    Human,
    /// JSON: one document, or one object a line for what does not end.
    Json,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        let no_color = std::env::var_os("NO_COLOR");
        let has_color = has_color(format, no_color.as_deref(), io::stdout().is_terminal());
        Self { format, has_color }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// Returns a text in the color of its tone: without a terminal, or with `NO_COLOR`, in none.
    pub(crate) fn in_tone(&self, tone: Tone, text: &str) -> String {
        if !self.has_color {
            return text.to_owned();
        }
        let color = match tone {
            Tone::Good => 32,
            Tone::Warning => 33,
            Tone::Bad => 31,
        };
        format!("\x1b[{color}m{text}\x1b[0m")
    }

    /// Prints one JSON document.
    pub(crate) fn json(&self, document: &impl Serialize) -> Result<(), CliError> {
        let text =
            serde_json::to_string_pretty(document).map_err(|error| CliError::failed(error.to_string()))?;
        self.line(&text)
    }

    /// Prints one JSON object on one line, of a stream of them.
    pub(crate) fn json_line(&self, object: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(object).map_err(|error| CliError::failed(error.to_string()))?;
        self.line(&text)
    }

    pub(crate) fn table(&self, table: &Table) -> Result<(), CliError> {
        self.line(&table.to_text())
    }

    /// Prints a line, at once.
    pub(crate) fn line(&self, line: &str) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| CliError::output(&error))
    }

    /// Prints a warning on the standard error.
    pub(crate) fn warn(&self, warning: &str) {
        // Nothing depends on it.
        let _ = writeln!(io::stderr().lock(), "larder: {warning}");
    }

    /// Prints a note on the standard error, if a human reads it.
    pub(crate) fn note(&self, note: &str) {
        if !self.is_json() && io::stderr().is_terminal() {
            // Nothing depends on a note.
            let _ = writeln!(io::stderr().lock(), "{note}");
        }
    }

    /// Starts a progress bar on the standard error. It is shown only on a terminal.
    pub(crate) fn progress(&self, what: &'static str, total: Option<u64>) -> Progress {
        Progress::new(what, total, io::stderr().is_terminal() && !self.is_json())
    }
}

/// Whether the output has colors: on a terminal, for humans, and without a value in `NO_COLOR`
/// (<https://no-color.org>).
fn has_color(format: Format, no_color: Option<&OsStr>, is_terminal: bool) -> bool {
    is_terminal && format == Format::Human && no_color.is_none_or(OsStr::is_empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_for_humans_at_a_terminal_who_want_them() {
        for (format, no_color, is_terminal, expected) in [
            (Format::Human, None, true, true),
            (Format::Human, Some(""), true, true),
            (Format::Human, Some("1"), true, false),
            (Format::Human, Some("0"), true, false),
            (Format::Human, None, false, false),
            (Format::Json, None, true, false),
        ] {
            let found = has_color(format, no_color.map(OsStr::new), is_terminal);
            assert_eq!(found, expected, "{format:?} {no_color:?} {is_terminal}");
        }
    }
}
