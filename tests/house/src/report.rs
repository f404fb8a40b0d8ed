//! The violations of all rules, as text.

use std::fmt::Write;
use std::path::Path;

use anyhow::Result;

use crate::circles::{self, ALLOWED, Circle, Edge, Findings};
use crate::sources::library_crates;

/// How much is printed of each edge of a circle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    FirstLine,
    EveryLine,
}

/// The violations of one rule, or nothing.
///
/// # Errors
///
/// Fails if a source file cannot be read or parsed.
pub fn circles_of(root: &Path, detail: Detail) -> Result<String> {
    let mut text = String::new();
    for sources in library_crates(root)? {
        let Findings { circles, unneeded } = circles::check(&sources, ALLOWED)?;
        for circle in &circles {
            write_circle(&mut text, circle, &sources.folder, detail)?;
        }
        for pair in unneeded {
            writeln!(text, "allowed pair is not needed: {pair}")?;
        }
    }
    Ok(text)
}

fn write_circle(text: &mut String, circle: &Circle, source: &str, detail: Detail) -> Result<()> {
    let members = circle.members.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    writeln!(text, "circle of {} in {}: {members}", circle.members.len(), circle.folder)?;
    for edge in &circle.edges {
        write_edge(text, edge, source, detail)?;
    }
    Ok(())
}

fn write_edge(text: &mut String, edge: &Edge, source: &str, detail: Detail) -> Result<()> {
    let shown = if detail == Detail::EveryLine { edge.references.len() } else { 1 };
    let more = edge.references.len() - shown;
    writeln!(text, "  {} -> {}", edge.from, edge.to)?;
    for reference in &edge.references[..shown] {
        write!(text, "      {source}/{}:{}: {}", reference.file, reference.line, reference.path)?;
        let to = reference.to.as_deref().unwrap_or_default();
        writeln!(text, "  ({to})")?;
    }
    if more > 0 {
        writeln!(text, "      and {more} more")?;
    }
    Ok(())
}
