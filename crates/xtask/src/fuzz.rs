//! `cargo xtask fuzz`: runs the fuzz targets, one after the other.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use clap::Args;

use crate::shell;

/// The folder of the targets, relative to the root.
const FUZZ: &str = "tests/fuzz";

/// The memory limit of each target. It finds an unbounded allocation before the machine runs out of
/// memory.
const MEMORY_MB: &str = "-rss_limit_mb=1024";

#[derive(Args)]
pub(crate) struct Options {
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Run only these targets.
    targets: Vec<String>,
}

/// The result of one target.
#[derive(Debug, Default, PartialEq)]
struct FuzzResult {
    executions: u64,
    coverage: u64,
    crashes: usize,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    check_tools()?;
    let fuzz = shell::root().join(FUZZ);
    let targets = select_targets(&fuzz, &options.targets)?;
    shell::run_checked(&mut cargo_fuzz("build"))?;
    println!("{:<16} {:>8} {:>12} {:>9} {:>8}", "target", "seconds", "executions", "coverage", "crashes");
    let mut crashes = 0;
    for target in &targets {
        let result = run_target(&fuzz, target, options.seconds)?;
        let FuzzResult { executions, coverage, crashes: found } = result;
        println!("{target:<16} {:>8} {executions:>12} {coverage:>9} {found:>8}", options.seconds);
        crashes += found;
    }
    if crashes > 0 {
        eprintln!(
            "error: see {FUZZ}/artifacts; `cargo +nightly fuzz run --fuzz-dir {FUZZ} TARGET INPUT` shows each again"
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

/// Reports all missing tools at once.
fn check_tools() -> Result<()> {
    let nightly = shell::try_output("cargo", &["+nightly", "--version"]).is_some();
    let cargo_fuzz = shell::try_output("cargo", &["fuzz", "--version"]).is_some();
    let missing: Vec<_> = [
        (nightly, "a nightly toolchain: rustup toolchain install nightly"),
        (cargo_fuzz, "cargo-fuzz: cargo install cargo-fuzz"),
    ]
    .into_iter()
    .filter_map(|(is_there, what)| (!is_there).then_some(what))
    .collect();
    if !missing.is_empty() {
        bail!("the fuzz targets need {}", missing.join("; and "));
    }
    Ok(())
}

/// Returns the names of the requested targets, or of all targets.
fn select_targets(fuzz: &Path, asked: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for file in
        fs::read_dir(fuzz.join("fuzz_targets")).context("cannot read the folder of the fuzz targets")?
    {
        let path = file?.path();
        all.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
    }
    all.sort_unstable();
    if let Some(unknown) = asked.iter().find(|asked| !all.contains(asked)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    if !asked.is_empty() {
        all.retain(|target| asked.contains(target));
    }
    Ok(all)
}

/// Creates a `cargo +nightly fuzz …` command. It uses rustup's cargo, because the cargo that runs
/// this program knows no other toolchain.
fn cargo_fuzz(subcommand: &str) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(shell::root()).args(["+nightly", "fuzz", subcommand, "--fuzz-dir", FUZZ]);
    cargo.env_remove("RUSTUP_TOOLCHAIN").env_remove("CARGO");
    cargo
}

/// Runs a target on its seeds and on the inputs that earlier runs found.
fn run_target(fuzz: &Path, target: &str, seconds: u64) -> Result<FuzzResult> {
    let (corpus, artifacts) = (fuzz.join("corpus").join(target), fuzz.join("artifacts").join(target));
    fs::create_dir_all(&corpus)?;
    let before = inputs(&artifacts);
    let (corpus, seeds) = (format!("{FUZZ}/corpus/{target}"), format!("{FUZZ}/seeds/{target}"));
    let time = format!("-max_total_time={seconds}");
    let mut run = cargo_fuzz("run");
    run.args([target, &corpus, &seeds, "--", &time, MEMORY_MB, "-print_final_stats=1"]);
    eprintln!("$ {}", shell::line(&run));
    let report = run.output().with_context(|| format!("cannot run {target}"))?;
    let text = String::from_utf8_lossy(&report.stderr);
    let new: Vec<_> = inputs(&artifacts).into_iter().filter(|input| !before.contains(input)).collect();
    if !report.status.success() {
        eprintln!("{text}");
        if new.is_empty() {
            bail!("{target} could not be run: {}", report.status);
        }
    }
    Ok(FuzzResult { crashes: new.len(), ..parse_report(&text) })
}

fn inputs(artifacts: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(artifacts).into_iter().flatten();
    files.filter_map(|file| file.ok().map(|file| file.path())).collect()
}

/// Parses libFuzzer's report. It ends with `stat::number_of_executed_units: 4711`, and prints the
/// coverage (edges) from time to time.
fn parse_report(report: &str) -> FuzzResult {
    let last = |label| after(report, label).last().unwrap_or_default();
    FuzzResult { executions: last("stat::number_of_executed_units: "), coverage: last("cov: "), crashes: 0 }
}

/// Returns the numbers that follow this text.
fn after<'r>(report: &'r str, label: &'r str) -> impl Iterator<Item = u64> + 'r {
    report.match_indices(label).filter_map(|(at, _)| {
        let rest = report[at + label.len()..].trim_start();
        rest.split(|sign: char| !sign.is_ascii_digit()).next()?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counts_are_read_from_the_report() {
        let report = "#2\tINITED cov: 12 ft: 13 corp: 1/1b\n#99\tDONE   cov: 1317 ft: 3779 corp: 998/34Kb lim: 191\n\
                      stat::number_of_executed_units: 176986\nstat::average_exec_per_sec:     11061\n";
        assert_eq!(parse_report(report), FuzzResult { executions: 176_986, coverage: 1_317, crashes: 0 });
        assert_eq!(parse_report("==7== ERROR"), FuzzResult::default());
    }

    #[test]
    fn every_target_is_found_by_its_file_and_is_in_the_manifest() {
        let fuzz = shell::root().join(FUZZ);
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        let all = select_targets(&fuzz, &[]).unwrap();
        for target in &all {
            assert!(
                manifest.contains(&format!("name = \"{target}\"\npath = \"fuzz_targets/{target}.rs\"")),
                "{target}"
            );
            assert!(!inputs(&fuzz.join("seeds").join(target)).is_empty(), "{target} has no seeds");
        }
        assert_eq!(select_targets(&fuzz, &["vary".into()]).unwrap(), ["vary"]);
        assert!(select_targets(&fuzz, &["no".into()]).unwrap_err().to_string().contains(&all.join(", ")));
    }
}
