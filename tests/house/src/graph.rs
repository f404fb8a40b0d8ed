//! The references between the children of a folder, as a graph.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::Reference;

/// The folders of a crate by path, each with its graph. The source folder itself is `""`.
pub(crate) type Folders = BTreeMap<String, Graph>;

/// The children of one folder. A subfolder is one node, together with all files in it.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    edges: BTreeMap<(String, String), Vec<Reference>>,
}

/// Sorts references into the folder in which the paths of both files part.
///
/// A folder and its `mod.rs`, or the file of the same name beside it, are one. So a reference
/// between that file and a file below the folder stays within one node, and is no edge.
pub(crate) fn folders(references: &BTreeSet<Reference>) -> Folders {
    let mut folders = Folders::new();
    for reference in references {
        let Some(to) = &reference.to else { continue };
        let (from, to) = (nodes(&reference.file), nodes(to));
        let common = from.iter().zip(&to).take_while(|(from, to)| from == to).count();
        if let (Some(source), Some(target)) = (from.get(common), to.get(common)) {
            let graph = folders.entry(from[..common].join("/")).or_default();
            let edge = ((*source).to_owned(), (*target).to_owned());
            graph.edges.entry(edge).or_default().push(reference.clone());
        }
    }
    folders
}

/// The names on the way from the source folder to a file or folder.
///
/// `a/b.rs` is `a`, `b`, and `a/mod.rs` is `a`. `lib.rs` is the source folder itself.
pub(crate) fn nodes(file: &str) -> Vec<&str> {
    let path = file.trim_end_matches(".rs");
    let mut nodes: Vec<&str> = path.split('/').collect();
    if nodes.last() == Some(&"mod") || matches!(*nodes, ["lib" | "main"]) {
        nodes.pop();
    }
    nodes
}

impl Graph {
    /// The references from one child to another.
    pub(crate) fn edge(&self, from: &str, to: &str) -> &[Reference] {
        self.edges.get(&(from.to_owned(), to.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sets of children that all reach each other, largest first.
    ///
    /// The two children of each pair count as one, so that a larger circle through them is found.
    pub(crate) fn circles(&self, pairs: &[(String, String)]) -> Vec<BTreeSet<String>> {
        let merged = Merged::new(self, pairs);
        let mut circles: Vec<BTreeSet<String>> = Vec::new();
        for node in merged.successors.keys() {
            let from_here = merged.reachable(node);
            let circle: BTreeSet<&String> =
                from_here.into_iter().filter(|other| merged.reachable(other).contains(node)).collect();
            if circle.len() > 1 && circle.first() == Some(&node) {
                circles.push(merged.members(&circle));
            }
        }
        circles.sort_by_key(|circle| std::cmp::Reverse(circle.len()));
        circles
    }

    fn children(&self) -> BTreeSet<&String> {
        self.edges.keys().flat_map(|(from, to)| [from, to]).collect()
    }
}

/// A graph in which the children of each allowed pair are one node.
struct Merged {
    node_of: BTreeMap<String, String>,
    successors: BTreeMap<String, BTreeSet<String>>,
}

impl Merged {
    fn new(graph: &Graph, pairs: &[(String, String)]) -> Self {
        let mut node_of: BTreeMap<String, String> =
            graph.children().into_iter().map(|child| (child.clone(), child.clone())).collect();
        for (one, other) in pairs {
            let (Some(kept), Some(merged)) = (node_of.get(one).cloned(), node_of.get(other).cloned()) else {
                continue;
            };
            node_of.values_mut().filter(|node| **node == merged).for_each(|node| node.clone_from(&kept));
        }
        let mut successors: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (from, to) in graph.edges.keys() {
            let (from, to) = (&node_of[from], &node_of[to]);
            if from != to {
                successors.entry(from.clone()).or_default().insert(to.clone());
            }
        }
        Self { node_of, successors }
    }

    /// The nodes that can be reached from this one, and the node itself.
    fn reachable<'a>(&'a self, node: &'a String) -> BTreeSet<&'a String> {
        let mut seen = BTreeSet::from([node]);
        let mut open = vec![node];
        while let Some(node) = open.pop() {
            let next = self.successors.get(node).into_iter().flatten();
            open.extend(next.filter(|next| seen.insert(next)));
        }
        seen
    }

    fn members(&self, nodes: &BTreeSet<&String>) -> BTreeSet<String> {
        self.node_of.iter().filter(|(_, node)| nodes.contains(node)).map(|(child, _)| child.clone()).collect()
    }
}
