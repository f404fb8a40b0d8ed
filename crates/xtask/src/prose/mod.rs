//! `cargo xtask prose`: counts the words and lines that the rules for prose forbid.
//!
//! The counts are a smoke test. They find retired words and long lines, not sentences that have to
//! be read twice.

mod comments;
mod files;
mod markdown;
mod rules;
#[cfg(test)]
mod tests;
mod text;
mod words;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};

use rules::{Hit, RULES};

use crate::shell;

/// Prints each hit, and the counts beside their limits. Fails if a count is over its limit.
///
/// With `paths`, only files below them are read.
pub(crate) fn run(paths: &[String]) -> Result<ExitCode> {
    let hits = hits(shell::root(), paths)?;
    for hit in &hits {
        println!("{}:{}: {}", hit.file, hit.line, hit.what);
    }
    print!("{}", table(&hits));
    Ok(if are_within_limits(&hits) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// As [`run`] on all files, where a count over its limit is an error.
pub(crate) fn run_checked() -> Result<()> {
    if run(&[])? != ExitCode::SUCCESS {
        bail!("`cargo xtask prose` found comments or Markdown to rewrite");
    }
    Ok(())
}

fn hits(root: &Path, paths: &[String]) -> Result<Vec<Hit>> {
    let mut hits = Vec::new();
    for file in files::prose_files(root, paths)? {
        hits.extend(rules::check(&file));
    }
    Ok(hits)
}

fn table(hits: &[Hit]) -> String {
    let row = |rule: &rules::Rule| {
        let found = count(hits, rule);
        let mark = if found > rule.limit { "  over the limit" } else { "" };
        format!("{:<60} {found:>5}  limit {}{mark}\n", rule.name, rule.limit)
    };
    RULES.iter().map(row).collect()
}

fn are_within_limits(hits: &[Hit]) -> bool {
    RULES.iter().all(|rule| count(hits, rule) <= rule.limit)
}

fn count(hits: &[Hit], rule: &rules::Rule) -> usize {
    hits.iter().filter(|hit| hit.kind == rule.kind).count()
}
