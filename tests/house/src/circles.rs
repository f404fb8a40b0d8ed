//! Rooms know only rooms below them: no folder has children that depend on each other in a circle.

use std::collections::BTreeSet;

use anyhow::Result;

use crate::graph::{Graph, folders};
use crate::module_tree::ModuleTree;
use crate::references::{Reference, references};
use crate::sources::CrateSources;

/// Two children of one folder that may name each other.
#[derive(Debug)]
pub struct AllowedPair {
    /// The folder, from the root of the workspace.
    pub folder: &'static str,
    pub one: &'static str,
    pub other: &'static str,
    pub reason: &'static str,
}

/// The pairs that are allowed in this workspace.
pub const ALLOWED: &[AllowedPair] = &[AllowedPair {
    folder: "crates/larder-redis/src",
    one: "builder",
    other: "store",
    reason: "`RedisStore::builder` returns the builder, and the builder builds a `RedisStore`.",
}];

/// Children of a folder that all reach each other.
#[derive(Debug)]
pub struct Circle {
    /// The folder, from the root of the workspace.
    pub folder: String,
    pub members: BTreeSet<String>,
    pub edges: Vec<Edge>,
}

/// The references from one member of a circle to another.
#[derive(Debug)]
pub struct Edge {
    pub from: String,
    pub to: String,
    pub references: Vec<Reference>,
}

/// The result of the check on one crate.
#[derive(Debug, Default)]
pub struct Findings {
    pub circles: Vec<Circle>,
    /// Allowed pairs that do not name each other.
    pub unneeded: Vec<String>,
}

/// Finds the circles of a crate.
///
/// # Errors
///
/// Fails if a file cannot be parsed, or if a declared module has no file.
pub fn check(sources: &CrateSources, allowed: &[AllowedPair]) -> Result<Findings> {
    let references = references(&ModuleTree::load(sources)?);
    let mut findings = Findings::default();
    let mut graphs = folders(&references);
    for pair in allowed.iter().filter(|pair| is_in(sources, pair)) {
        graphs.entry(below(sources, pair.folder)).or_default();
    }
    for (folder, graph) in &graphs {
        let path = [sources.folder.as_str(), folder].join("/").trim_end_matches('/').to_owned();
        let (needed, unneeded) = pairs_of(&path, graph, allowed);
        findings.unneeded.extend(unneeded);
        for members in graph.circles(&needed) {
            let edges = edges_between(graph, &members);
            findings.circles.push(Circle { folder: path.clone(), members, edges });
        }
    }
    Ok(findings)
}

fn is_in(sources: &CrateSources, pair: &AllowedPair) -> bool {
    pair.folder == sources.folder || pair.folder.starts_with(&format!("{}/", sources.folder))
}

fn below(sources: &CrateSources, folder: &str) -> String {
    folder.trim_start_matches(&sources.folder).trim_start_matches('/').to_owned()
}

/// The pairs of this folder that name each other, and a sentence for each that does not.
fn pairs_of(folder: &str, graph: &Graph, allowed: &[AllowedPair]) -> (Vec<(String, String)>, Vec<String>) {
    let (mut needed, mut unneeded) = (Vec::new(), Vec::new());
    for pair in allowed.iter().filter(|pair| pair.folder == folder) {
        let (one, other) = (pair.one, pair.other);
        if graph.edge(one, other).is_empty() || graph.edge(other, one).is_empty() {
            unneeded.push(format!("{folder}: `{one}` and `{other}` no longer name each other"));
        } else {
            needed.push((one.to_owned(), other.to_owned()));
        }
    }
    (needed, unneeded)
}

fn edges_between(graph: &Graph, members: &BTreeSet<String>) -> Vec<Edge> {
    let mut edges = Vec::new();
    for from in members {
        for to in members.iter().filter(|to| *to != from) {
            let references = graph.edge(from, to).to_vec();
            if !references.is_empty() {
                edges.push(Edge { from: from.clone(), to: to.clone(), references });
            }
        }
    }
    edges
}
