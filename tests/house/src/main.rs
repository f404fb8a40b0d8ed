//! Prints every violation of the rules: `cargo run -p larder-house [-- [--all] [ROOT]]`.
//!
//! `--all` prints each line behind an edge of a circle, instead of the first one. `ROOT` is a
//! folder in the workspace to check; by default it is the current folder.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use larder_house::{Detail, Rule, Workspace, workspace_root};

fn main() -> Result<ExitCode> {
    let mut detail = Detail::FirstLine;
    let mut start = env::current_dir()?;
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--all" => detail = Detail::EveryLine,
            folder => start = PathBuf::from(folder).canonicalize()?,
        }
    }
    let workspace = Workspace::read(&workspace_root(&start)?)?;
    let mut is_in_order = true;
    for rule in Rule::ALL {
        let violations = rule.check(&workspace, detail)?;
        println!("{}: {}", rule.sentence(), verdict(violations.len()));
        violations.iter().for_each(|violation| println!("  {}", violation.replace('\n', "\n  ")));
        is_in_order &= violations.is_empty();
    }
    Ok(if is_in_order { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn verdict(violations: usize) -> String {
    match violations {
        0 => "ok".to_owned(),
        1 => "1 violation".to_owned(),
        count => format!("{count} violations"),
    }
}
