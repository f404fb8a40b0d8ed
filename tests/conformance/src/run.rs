//! A run of the suite: its origin, the proxy, and its client.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use larder_testing::RedisServer;

use crate::process::Process;
use crate::suite::{Suite, Verdict};

/// Every optional feature is enabled, because the tests ask what a cache *can* do.
const SWITCHES: [&str; 7] = [
    "--obey-requests",
    "--store-set-cookie",
    "--store-partial",
    "--sort-languages",
    "--stale-if-error=1h",
    "--targets",
    "CDN-Cache-Control,Surrogate-Control",
];
/// An undisturbed run takes fifteen seconds.
const MAX_RUN_TIME: Duration = Duration::from_secs(240);
/// The tests do not cover a slow Redis, so the timeout is long.
const REDIS_TIMEOUT: &str = "1s";
/// On a busy machine, a test may run too late and fail. This does not happen five times in a row.
const MAX_ATTEMPTS: usize = 5;

/// Where responses are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    /// In the proxy's memory.
    Memory,
    /// In Redis alone.
    Redis,
}

impl Store {
    pub(crate) const ALL: [Self; 2] = [Self::Memory, Self::Redis];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Redis => "redis",
        }
    }
}

/// Runs the proxy with its default options.
pub(crate) fn defaults(suite: &Suite, store: Store) -> Result<Vec<Verdict>> {
    Bench::start(suite, store, &[])?.run()
}

/// Runs the suite, and repeats it while `unexpected` is true for a verdict.
pub(crate) fn all(
    suite: &Suite,
    store: Store,
    unexpected: impl Fn(&Verdict) -> bool,
) -> Result<Vec<Verdict>> {
    let bench = Bench::start(suite, store, &SWITCHES)?;
    let mut verdicts = bench.run()?;
    for _ in 1..MAX_ATTEMPTS {
        if !verdicts.iter().any(&unexpected) {
            break;
        }
        for (verdict, again) in verdicts.iter_mut().zip(bench.run()?) {
            if unexpected(verdict) && again.passed() {
                eprintln!("{}: {} was passed at another try only", store.as_str(), again.id);
                *verdict = again;
            }
        }
    }
    Ok(verdicts)
}

/// Runs one test, and prints its details.
pub(crate) fn one(suite: &Suite, id: &str, store: Store) -> Result<ExitCode> {
    let bench = Bench::start(suite, store, &SWITCHES)?;
    let status = suite.client(&bench.url, id).stdin(Stdio::null()).status().context("cannot run node")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The servers for a run, in the order in which they stop.
struct Bench<'s> {
    suite: &'s Suite,
    store: Store,
    url: String,
    _proxy: Process,
    _origin: Process,
    _redis: Option<RedisServer>,
}

impl<'s> Bench<'s> {
    fn start(suite: &'s Suite, store: Store, switches: &[&str]) -> Result<Self> {
        let log = |what: &str| suite.file(&format!("{}-{what}.log", store.as_str()));
        let redis = match store {
            Store::Memory => None,
            Store::Redis => Some(redis()?),
        };
        let mut origin = Process::start(suite.origin()?.stdout(Stdio::piped()), &log("origin"))?;
        let at = origin.url().context("the suite's origin server did not start")?;
        let mut command = Command::new(program()?);
        command.args(["--addr", "127.0.0.1:0", "--origin", &at]).args(switches).env_remove("REDIS_URL");
        if let Some(redis) = &redis {
            command.args(["--memory", "0", "--redis", &redis.url(), "--redis-timeout", REDIS_TIMEOUT]);
        }
        let mut proxy = Process::start(command.stdout(Stdio::piped()), &log("proxy"))?;
        let url = proxy.url().context("the reverse proxy did not start")?;
        Ok(Self { suite, store, url, _proxy: proxy, _origin: origin, _redis: redis })
    }

    fn run(&self) -> Result<Vec<Verdict>> {
        let name = self.store.as_str();
        let (results, log) =
            (self.suite.file(&format!("{name}.json")), self.suite.file(&format!("{name}-client.log")));
        let output = File::create(&results).with_context(|| format!("cannot write {}", results.display()))?;
        let mut client = Process::start(self.suite.client(&self.url, "").stdout(output), &log)?;
        let status = client.wait(MAX_RUN_TIME).with_context(|| format!("the suite did not end ({name})"))?;
        if !status.success() {
            bail!("the suite's client failed ({name}): see {}", log.display());
        }
        self.suite.verdicts(&fs::read(&results)?)
    }
}

fn redis() -> Result<RedisServer> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(RedisServer::start()).context("cannot start redis-server")
}

/// Returns the path of the proxy, which is built into the same folder as this program.
fn program() -> Result<PathBuf> {
    let ours = std::env::current_exe().context("cannot determine the path of this program")?;
    let program = ours.with_file_name(format!("reverse-proxy{}", std::env::consts::EXE_SUFFIX));
    if !program.is_file() {
        bail!("{} is not there: `cargo xtask conformance` builds it", program.display());
    }
    Ok(program)
}
