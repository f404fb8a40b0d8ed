//! Tests of the program: its output, invalid arguments, and an orderly shutdown.

// Helpers of tests may panic. The lint exempts only functions that are marked as tests.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Output, Stdio};

const VARIABLES: [&str; 19] = [
    "PROXY_ORIGIN",
    "PROXY_ADDR",
    "REDIS_URL",
    "PROXY_NAMESPACE",
    "PROXY_REDIS_TIMEOUT",
    "PROXY_NAME",
    "PROXY_MEMORY",
    "PROXY_MAX_BODY",
    "PROXY_MAX_SHARED_BODY",
    "PROXY_OBEY_REQUESTS",
    "PROXY_STORE_SET_COOKIE",
    "PROXY_STORE_PARTIAL",
    "PROXY_TARGETS",
    "PROXY_TAGS_FROM",
    "PROXY_PURGE_TOKEN",
    "PROXY_SORT_LANGUAGES",
    "PROXY_STALE_IF_ERROR",
    "PROXY_CONNECT_TIMEOUT",
    "PROXY_IDLE_TIMEOUT",
];

/// The program, without the environment variables that would change its behavior.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reverse-proxy"));
    for variable in VARIABLES.iter().chain(&["PROXY_RESPONSE_TIMEOUT", "RUST_LOG"]) {
        command.env_remove(variable);
    }
    command
}

#[test]
fn arguments_that_cannot_be_right_are_named() {
    for (arguments, expected) in [
        (&["--addr", "127.0.0.1:0"][..], "--origin <URL>"),
        (&["--origin", "https://x"], "only http:// origins"),
        (&["--origin", "http://x", "--addr", "nowhere"], "nowhere"),
        (&["--origin", "http://x", "--name", "a b"], "one word"),
        (&["--origin", "http://x", "--max-body", "0"], "0 is not in 1.."),
        (&["--origin", "http://x", "--idle-timeout", "0s"], "a time limit of zero"),
        (&["--origin", "http://x", "--targets", "a b"], "a b"),
    ] {
        let Output { status, stderr, .. } = command().args(arguments).output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(2), "{stderr}");
        assert!(stderr.contains(expected), "{expected}: {stderr}");
    }
}

#[test]
fn an_invalid_redis_url_is_reported_without_its_password() {
    let arguments = ["--origin", "http://x", "--redis", "nonsense://:secret@x"];
    let Output { status, stderr, .. } = command().args(arguments).output().unwrap();
    let stderr = String::from_utf8(stderr).unwrap();
    assert_eq!(status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("cannot use this Redis") && !stderr.contains("secret"), "{stderr}");
}

#[test]
fn an_invalid_purge_token_is_reported_without_its_text() {
    for variable in [false, true] {
        let mut command = command();
        if variable {
            command.env("PROXY_PURGE_TOKEN", "hunter2").args(["--origin", "http://x"]);
        } else {
            command.args(["--origin", "http://x", "--purge-token", "hunter2"]);
        }
        let Output { status, stderr, .. } = command.output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        assert_eq!(status.code(), Some(1), "{stderr}");
        assert!(stderr.contains("invalid purge token") && !stderr.contains("hunter2"), "{stderr}");
    }
}

#[test]
fn the_help_tells_of_every_variable() {
    let help = command().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    for variable in VARIABLES {
        assert!(help.contains(&format!("[env: {variable}")), "{variable}: {help}");
    }
}

#[cfg(unix)]
#[test]
fn it_ends_in_order_when_asked_to() {
    let arguments = ["--origin", "http://127.0.0.1:1", "--addr", "127.0.0.1:0"];
    let mut process = command().args(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.starts_with("listening on http://127.0.0.1:"), "{line}");
    let sent = Command::new("kill").args(["-TERM", &process.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert!(process.wait().unwrap().success());
}
