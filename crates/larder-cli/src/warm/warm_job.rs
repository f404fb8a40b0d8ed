//! Sends the requests inside the application, over its admin URL.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::sleep;

use crate::admin::{AdminClient, Answer};
use crate::cli_error::CliError;
use crate::exit_code::ExitCode;
use crate::output::{Output, Progress, units};
use crate::warm::warm_args::WarmArgs;
use crate::warm::warm_plan::WarmPlan;

/// The most URIs of one job of the admin API.
const MAX_URIS: usize = 10_000;
/// The most bytes of URIs in one job. The admin API accepts 1 MiB.
const MAX_BYTES: usize = 768 * 1024;
/// How often a job is asked for its progress.
const INTERVAL: Duration = Duration::from_millis(250);

#[derive(Debug, Deserialize)]
struct Job {
    job: u64,
    is_done: bool,
    done: u64,
    hits: u64,
    filled: u64,
    failed: u64,
    skipped: u64,
}

/// The sums of all jobs.
#[derive(Debug, Default, Serialize)]
struct Sums {
    done: u64,
    hits: u64,
    filled: u64,
    failed: u64,
    skipped: u64,
}

impl Sums {
    fn add(&mut self, job: &Job) {
        self.done += job.done;
        self.hits += job.hits;
        self.filled += job.filled;
        self.failed += job.failed;
        self.skipped += job.skipped;
    }
}

/// Runs a job for each host, one after the other. A job that the user ends is stopped.
pub(super) async fn run(
    admin: &AdminClient,
    plan: &WarmPlan,
    args: &WarmArgs,
    output: &Output,
) -> Result<ExitCode, CliError> {
    let (mut jobs, mut sums) = (Vec::new(), Sums::default());
    let progress = output.progress("warm", Some(plan.total));
    let mut is_interrupted = false;
    'hosts: for (host, targets) in &plan.hosts {
        for part in parts(targets) {
            let started: Job = admin.post("warm", &request(host, part, args)).await?.read()?;
            let answer = tokio::select! {
                answer = follow(admin, started.job, sums.done, &progress) => answer?,
                Ok(()) = tokio::signal::ctrl_c() => {
                    is_interrupted = true;
                    admin.delete(&format!("warm/{}", started.job), None).await?
                }
            };
            sums.add(&answer.read()?);
            jobs.push(answer);
            if is_interrupted {
                break 'hosts;
            }
        }
    }
    drop(progress);
    print(&jobs, &sums, output)?;
    Ok(match (is_interrupted, sums.failed) {
        (true, _) => ExitCode::Interrupted,
        (false, 1..) => ExitCode::Failed,
        (false, 0) if sums.done == 0 => ExitCode::Findings,
        (false, 0) => ExitCode::Done,
    })
}

fn print(jobs: &[Answer], sums: &Sums, output: &Output) -> Result<(), CliError> {
    if output.is_json() {
        return output.json(&json!({ "jobs": jobs, "sum": sums }));
    }
    let Sums { done, hits, filled, failed, skipped } = sums;
    output.line(&format!(
        "{} pages: {} filled, {} stored before, {} not stored, {} failed",
        units::count(*done),
        units::count(*filled),
        units::count(*hits),
        units::count(*skipped),
        units::count(*failed)
    ))
}

/// Waits until a job has ended, and returns it.
async fn follow(admin: &AdminClient, job: u64, before: u64, progress: &Progress) -> Result<Answer, CliError> {
    loop {
        let answer = admin.get(&format!("warm/{job}")).await?;
        let state: Job = answer.read()?;
        progress.set(before + state.done, None);
        if state.is_done {
            return Ok(answer);
        }
        sleep(INTERVAL).await;
    }
}

fn request(host: &str, targets: &[String], args: &WarmArgs) -> serde_json::Value {
    let mut headers = vec![("host", host)];
    headers.extend(WarmPlan::headers(args));
    json!({
        "uris": targets,
        "headers": headers,
        "concurrency": args.concurrency,
        "per_second": args.rate,
    })
}

/// Splits the targets of a host into jobs that the admin API accepts.
fn parts(targets: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = targets;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |target: &&String| {
            // With its quotes and its comma. JSON escapes no character of a target but `"`.
            bytes += target.len() + target.matches(['"', '\\']).count() + 3;
            bytes <= MAX_BYTES
        };
        let number = rest.iter().take(MAX_URIS).take_while(fits).count().max(1).min(rest.len());
        let (part, others) = rest.split_at(number);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_as_large_as_the_api_accepts() {
        let lengths = |targets: &[String]| parts(targets).map(<[String]>::len).collect::<Vec<_>>();
        assert_eq!(lengths(&[]), Vec::<usize>::new());
        assert_eq!(lengths(&vec!["/".to_owned(); 25_000]), [10_000, 10_000, 5_000]);
        assert_eq!(lengths(&vec!["x".repeat(8 * 1024); 200]), [95, 95, 10]);
        assert_eq!(lengths(&vec!["\"".repeat(MAX_BYTES); 2]), [1, 1]);
    }
}
