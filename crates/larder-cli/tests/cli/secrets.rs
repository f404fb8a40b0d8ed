//! Tokens and passwords are never shown.

use std::fs;

use crate::support::{Application, OPERATOR, Program};

const COMMANDS: [&str; 14] = [
    "stats",
    "instances",
    "explain /products/1",
    "inspect a",
    "purge --tag a",
    "disable --for 1s",
    "enable",
    "switches",
    "advise",
    "top",
    "warm --from /dev/null",
    "doctor",
    "stats --nonsense",
    "--help",
];

#[tokio::test]
async fn no_output_has_the_token() {
    let app = Application::start().await;
    for command in COMMANDS {
        for line in
            [command.to_owned(), format!("{command} --json"), format!("{command} --url http://127.0.0.1:1")]
        {
            let run = app.program().line(&line).run().await;
            assert!(!run.out.contains(OPERATOR) && !run.err.contains(OPERATOR), "{line}: {run:#?}");
        }
    }
}

/// The arguments of a process are open to every user of the machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn no_argument_has_the_token() {
    let app = Application::start().await;
    let mut tail = app.program().line("tail").start();
    app.purge_until(&mut tail).await;
    let arguments = fs::read(format!("/proc/{}/cmdline", tail.id())).unwrap();
    let arguments = String::from_utf8(arguments).unwrap();
    assert!(arguments.contains("tail") && !arguments.contains(OPERATOR), "{arguments}");
    let help = Program::new().line("stats --help").run().await.out;
    assert!(!help.contains("--token ") && !help.contains("--password "), "{help}");
}

#[tokio::test]
async fn a_token_comes_from_a_file_or_the_environment() {
    let app = Application::start().await;
    let directory = std::env::temp_dir().join(format!("larder-cli-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let (file, empty) = (directory.join("token"), directory.join("empty"));
    fs::write(&file, format!("{OPERATOR}\n")).unwrap();
    fs::write(&empty, " \n").unwrap();
    let program = || Program::new().env("LARDER_URL", app.admin_url());
    program().env("LARDER_TOKEN_FILE", &file).line("stats").run().await.expect(0, "requests");
    // The argument wins over the environment.
    let both =
        program().env("LARDER_TOKEN", "wrong-0123456789abcdef").line("stats --token-file").args([&file]);
    both.run().await.expect(0, "requests");
    program().line("stats --token-file").args([&empty]).run().await.expect(2, "it is empty");
    let odd = program().env("LARDER_TOKEN", "a secret\u{7}token").line("stats");
    let run = odd.run().await.expect(2, "a character that no token has");
    assert!(!run.err.contains("secret"), "{run:?}");
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn a_token_does_not_go_over_plain_http_to_another_host() {
    let program =
        || Program::new().env("LARDER_TOKEN", OPERATOR).env("LARDER_URL", "http://name.invalid/ops");
    program().line("stats").run().await.expect(2, "--insecure-http");
    program().line("stats --insecure-http").run().await.expect(3, "name.invalid");
    let without_token = Program::new().line("stats --url http://name.invalid");
    without_token.run().await.expect(3, "name.invalid");
    let secure = Program::new().env("LARDER_TOKEN", OPERATOR).line("stats --url https://name.invalid");
    secure.run().await.expect(3, "name.invalid");
}

#[tokio::test]
async fn a_password_of_redis_is_no_argument_and_is_not_shown() {
    for url in [
        "redis://:hunter2@127.0.0.1:1",
        "redis://user:hunter2@127.0.0.1:1/0",
        "redis://:hun/ter2@127.0.0.1:1",
    ] {
        for line in ["stats --url", "doctor", "stats --nonsense", "purge --tag a --url"] {
            let run = Program::new().line(line).args([url]).run().await.expect(2, "");
            assert!(!run.err.contains("ter2"), "{line}: {run:?}");
        }
        for line in ["stats", "instances", "tail", "inspect a", "purge --tag a", "doctor"] {
            let run = Program::new().env("REDIS_URL", url).line(line).args(["--timeout", "1s"]).run().await;
            assert!(run.code != Some(0) && !format!("{run:?}").contains("ter2"), "{line}: {run:?}");
        }
    }
}

#[tokio::test]
async fn a_header_field_comes_from_the_environment() {
    let app = Application::start().await;
    let explain =
        || app.program().env("SESSION", "session=hunter2").args(["explain", "/carts/7", "--json", "-H"]);
    let run = explain().args(["Cookie: $SESSION"]).run().await.expect(0, "session=");
    assert!(!run.out.contains("hunter2"), "{run:?}");
    explain().args(["Cookie: $NONE"]).run().await.expect(2, "`NONE` is not set");
}
