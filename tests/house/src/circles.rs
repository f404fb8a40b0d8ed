//! Rooms know only rooms below them: no folder has children that depend on each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::code::{Reference, references};
use crate::graph::{Graph, folders, nodes};
use crate::workspace::Workspace;

/// Two children of one folder that may name each other.
#[derive(Debug)]
pub(crate) struct AllowedPair {
    pub(crate) one: &'static str,
    pub(crate) other: &'static str,
    /// Why a reader is not lost in this circle.
    pub(crate) reason: &'static str,
}

/// The pairs that are allowed. A pair that is not needed is a violation.
pub(crate) const ALLOWED: &[AllowedPair] = &[AllowedPair {
    one: "crates/larder-redis/src/builder.rs",
    other: "crates/larder-redis/src/store.rs",
    reason: "`RedisStore::builder` returns the builder, which builds a `RedisStore`",
}];

/// How much is printed of the references from one room to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Detail {
    /// The first of them, and how many there are.
    FirstLine,
    /// Each of them.
    EveryLine,
}

/// Describes each circle of each crate, with a line for each reference in it.
pub(crate) fn check(workspace: &Workspace, allowed: &[AllowedPair], detail: Detail) -> Result<Vec<String>> {
    let mut needed = BTreeSet::new();
    let mut violations = Vec::new();
    for sources in workspace.crates() {
        for (folder, graph) in folders(&references(&sources)?) {
            let room = Room { source: sources.folder, folder: &folder, graph: &graph };
            let pairs = room.pairs(allowed);
            needed.extend(pairs.keys().copied());
            let circles = graph.circles(&pairs.into_values().collect::<Vec<_>>());
            violations.extend(circles.iter().map(|circle| room.describe(circle, detail)));
        }
    }
    let unneeded = allowed.iter().enumerate().filter(|(index, _)| !needed.contains(index));
    violations.extend(unneeded.map(|(_, pair)| describe_unneeded(pair)));
    Ok(violations)
}

fn describe_unneeded(pair: &AllowedPair) -> String {
    let AllowedPair { one, other, reason } = pair;
    format!("{one} and {other} are allowed to name each other, and do not ({reason})")
}

/// A folder of a crate.
struct Room<'a> {
    /// The source folder of the crate.
    source: &'a str,
    /// The path below that folder.
    folder: &'a str,
    graph: &'a Graph,
}

impl Room<'_> {
    /// The allowed pairs of children that name each other, by their place in the list.
    fn pairs(&self, allowed: &[AllowedPair]) -> BTreeMap<usize, (String, String)> {
        let pairs = allowed.iter().enumerate().filter_map(|(index, pair)| {
            let (one, other) = (self.child(pair.one)?, self.child(pair.other)?);
            let name_each_other =
                !self.graph.edge(one, other).is_empty() && !self.graph.edge(other, one).is_empty();
            name_each_other.then(|| (index, (one.to_owned(), other.to_owned())))
        });
        pairs.collect()
    }

    /// The child of this folder that has this path.
    fn child<'a>(&self, path: &'a str) -> Option<&'a str> {
        let file = path.strip_prefix(self.source)?.strip_prefix('/')?;
        let mut nodes = nodes(file);
        let child = nodes.pop()?;
        (nodes.join("/") == self.folder).then_some(child)
    }

    fn describe(&self, circle: &BTreeSet<String>, detail: Detail) -> String {
        let names = circle.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let folder = format!("{}/{}", self.source, self.folder);
        let mut lines =
            vec![format!("{}: circle of {}: {names}", folder.trim_end_matches('/'), circle.len())];
        for from in circle {
            for to in circle {
                lines.extend(self.describe_edge(from, to, detail));
            }
        }
        lines.join("\n")
    }

    fn describe_edge(&self, from: &str, to: &str, detail: Detail) -> Vec<String> {
        let references = self.graph.edge(from, to);
        let shown = if detail == Detail::EveryLine { references.len() } else { 1 };
        let mut lines: Vec<String> =
            references.iter().take(shown).map(|reference| self.describe_reference(reference)).collect();
        if let Some(first) = lines.first_mut() {
            first.insert_str(0, &format!("  {from} -> {to} ({})\n", references.len()));
        }
        lines
    }

    fn describe_reference(&self, reference: &Reference) -> String {
        let Reference { file, line, path, to, .. } = reference;
        format!("    {}/{file}:{line}: {path} ({})", self.source, to.as_deref().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
