//! Prints every violation of the rules: `cargo run -p larder-house [-- [--all] [ROOT]]`.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use larder_house::report::{Detail, circles_of};
use larder_house::sources::workspace_root;

fn main() -> Result<ExitCode> {
    let mut detail = Detail::FirstLine;
    let mut start = env::current_dir()?;
    for argument in env::args().skip(1) {
        match argument.as_str() {
            "--all" => detail = Detail::EveryLine,
            root => start = PathBuf::from(root),
        }
    }
    let report = circles_of(&workspace_root(&start)?, detail)?;
    print!("{report}");
    Ok(if report.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
