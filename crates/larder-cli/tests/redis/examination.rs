//! Runs the doctor, and types what it says.

use std::process::Stdio;
use std::time::Duration;

use larder_testing::{RedisBuilder, RedisServer};
use serde_json::Value;
use tokio::process::Command;
use tokio::time::sleep;

/// The report of the doctor about a server.
pub(crate) struct Report {
    pub(crate) code: i32,
    pub(crate) document: Value,
}

/// The speed of the machine decides about these.
const OF_THE_MACHINE: [&str; 3] = ["latency-high", "latency-over-timeout", "slow-commands"];

/// Returns a server with settings that suit a cache.
pub(crate) fn good() -> RedisBuilder {
    RedisServer::builder().config("maxmemory 100mb").config("maxmemory-policy volatile-lfu")
}

/// Returns a command that runs the program with these arguments.
pub(crate) fn program(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_larder"));
    command.args(arguments).env("REDIS_URL", url).stdin(Stdio::null());
    command.env_remove("LARDER_URL").env_remove("LARDER_NAMESPACE").kill_on_drop(true);
    command
}

/// Examines the Redis at this URL.
pub(crate) async fn examine(url: &str, arguments: &[&str]) -> Report {
    let all: Vec<&str> = ["doctor", "--json"].into_iter().chain(arguments.iter().copied()).collect();
    let output = program(url, &all).output().await.unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{code}: {errors}"));
    let report = Report { code, document };
    // Findings about the speed of the machine count, too.
    let needs_action = report.of(|finding| finding["severity"] != "advice", &[]);
    assert_eq!(code, i32::from(!needs_action.is_empty()), "{needs_action:?}");
    report
}

impl Report {
    /// Returns the names of the findings that do not depend on the machine.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.of(|_| true, &OF_THE_MACHINE)
    }

    /// Returns the names of the errors and warnings that do not depend on the machine.
    pub(crate) fn serious(&self) -> Vec<&str> {
        self.of(|finding| finding["severity"] != "advice", &OF_THE_MACHINE)
    }

    fn of(&self, is_meant: impl Fn(&Value) -> bool, but: &[&str]) -> Vec<&str> {
        let findings = self.document["findings"].as_array().unwrap().iter();
        let names =
            findings.filter(|finding| is_meant(finding)).map(|finding| finding["name"].as_str().unwrap());
        names.filter(|name| !but.contains(name)).collect()
    }

    /// Returns the finding with this name.
    pub(crate) fn finding(&self, name: &str) -> &Value {
        let findings = self.document["findings"].as_array().unwrap().iter();
        let found = findings.into_iter().find(|finding| finding["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not found: {:#}", self.document))
    }
}

/// Returns the commands of a finding for a prompt, `redis` or `shell`.
pub(crate) fn commands(finding: &Value, prompt: &str) -> Vec<String> {
    let all = finding["commands"].as_array().unwrap().iter();
    let meant = all.filter(|command| command["prompt"] == prompt);
    meant.map(|command| command["line"].as_str().unwrap().to_owned()).collect()
}

/// Types the commands of a finding.
pub(crate) async fn type_commands(server: &RedisServer, finding: &Value) {
    let lines = commands(finding, "redis");
    assert!(!lines.is_empty(), "no command: {finding}");
    for line in lines {
        server.command(&words(&line)).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

/// Splits a line as `redis-cli` does.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (None, ' ') => words.push(String::new()),
            (None, '\'' | '"') => quote = Some(character),
            (Some(end), character) if end == character => quote = None,
            (_, character) => words.last_mut().unwrap().push(character),
        }
    }
    words
}

/// Examines a server with one misconfiguration, types the commands, and examines it again.
///
/// Before, only these errors and warnings are found. After it, none is. The first one has the
/// commands.
pub(crate) async fn found_and_cured(server: &RedisServer, arguments: &[&str], expected: &[&str]) -> Report {
    found_and_cured_at(server, &server.url(), arguments, expected).await
}

pub(crate) async fn found_and_cured_at(
    server: &RedisServer,
    url: &str,
    arguments: &[&str],
    expected: &[&str],
) -> Report {
    let before = examine(url, arguments).await;
    let (mut found, mut wanted) = (before.serious(), expected.to_vec());
    found.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(found, wanted, "{:#}", before.document);
    assert_eq!(before.code, 1);
    type_commands(server, before.finding(expected[0])).await;
    let mut after = examine(url, arguments).await;
    // Redis counts the replicas that are in time once a second.
    for _ in 0..100 {
        if after.serious().is_empty() {
            break;
        }
        sleep(Duration::from_millis(100)).await;
        after = examine(url, arguments).await;
    }
    assert_eq!(after.serious(), [""; 0], "{:#}", after.document);
    before
}

/// Returns the names of all keys of the server.
pub(crate) async fn keys(server: &RedisServer) -> Vec<String> {
    let keys = server.command(&["KEYS", "*"]).await.unwrap();
    keys.as_array().unwrap().iter().map(|key| key.as_str().unwrap().to_owned()).collect()
}
