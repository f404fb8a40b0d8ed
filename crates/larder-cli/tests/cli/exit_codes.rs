//! The exit codes that scripts use.

use std::time::Duration;

use larder_testing::RedisServer;
use tokio::net::TcpListener;

use crate::support::{Application, OPERATOR, Program, READER};

#[tokio::test]
async fn wrong_arguments_are_2() {
    let app = Application::start().await;
    for (line, part) in [
        ("", "Usage"),
        ("nonsense", "unrecognized subcommand"),
        ("purge", "required"),
        ("purge --tag a --nonsense", "--nonsense"),
        ("purge --all", "needs `--yes`"),
        ("purge --prefix a/b", "a/b"),
        ("purge --tag a --dry-run --refill 1", "cannot be used with"),
        ("disable", "--for"),
        ("disable --for 25h", "at most 24h"),
        ("disable --for 2026-11-30T10:00:00+02:00", "invalid value"),
        ("disable --for 1h --route a --class b", "cannot be used with"),
        ("explain nonsense", "needs a URL"),
        ("explain /a --method POST", "its method is unsafe"),
        ("stats --timeout 1h", "from 10ms to 10m"),
        ("stats --token-file /nonexistent", "/nonexistent"),
        ("stats --token secret", "--token"),
        ("stats --url ftp://a", "no URL of a target"),
        ("stats --url https://user:hunter2@a", "https://***@a"),
        ("warm --from /nonexistent", "/nonexistent"),
        ("completions nonsense", "nonsense"),
    ] {
        let run = app.program().line(line).run().await.expect(2, part);
        assert!(!run.err.contains("hunter2"), "{run:?}");
    }
    Program::new().line("stats").run().await.expect(2, "no target");
}

#[tokio::test]
async fn help_and_version_are_0_and_name_the_exit_codes() {
    let help = Program::new().line("--help").run().await.expect(0, "over Redis alone");
    help.expect(0, "   5 the invalidation").expect(0, "\n 130 ended with Ctrl-C");
    Program::new().line("--version").run().await.expect(0, env!("CARGO_PKG_VERSION"));
}

#[tokio::test]
async fn what_is_not_found_is_1() {
    let app = Application::start().await;
    app.program().line("explain /open").run().await.expect(1, "reached no layer");
    app.program().line("inspect nothing").run().await.expect(1, "nothing");
    app.program().line("purge --tag nothing --dry-run").run().await.expect(1, "0 responses");
    app.program().line("enable").run().await.expect(1, "not switched off");
}

#[tokio::test]
async fn a_server_that_does_not_answer_is_3() {
    // A port that was free a moment ago.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It accepts connections, and never answers.
    let silent =
        Program::new().env("LARDER_TOKEN", OPERATOR).args(["stats", "--timeout", "100ms", "--url", &url]);
    silent.run().await.expect(3, "no answer within 100ms");
    drop(listener);
    Program::new().args(["stats", "--url", &url]).run().await.expect(3, "refused");
    let nowhere = ["stats", "--url", "http://name.invalid"];
    Program::new().args(nowhere).run().await.expect(3, "http://name.invalid");
    let app = Application::start().await;
    let tail = app.program().line("tail --timeout 10ms --url").args([&url]);
    tail.run().await.expect(3, "refused");
}

#[tokio::test]
async fn a_token_that_is_refused_is_4() {
    let app = Application::start().await;
    let program = || Program::new().env("LARDER_URL", app.admin_url());
    program().line("stats").run().await.expect(4, "a token is needed: LARDER_TOKEN");
    let wrong = program().env("LARDER_TOKEN", "wrong-0123456789abcdef");
    wrong.line("stats").run().await.expect(4, "the token is refused");
    let reader = || program().env("LARDER_TOKEN", READER);
    reader().line("stats").run().await.expect(0, "requests");
    for line in ["purge --tag a", "disable --for 1h", "enable", "warm --top 1"] {
        if line != "warm --top 1" {
            reader().line(line).run().await.expect(4, "only permits to read");
        }
    }
    app.fill(&["/pages/1"]).await;
    reader().line("warm --from - --host a").input("/a").run().await.expect(4, "only permits to read");
}

#[tokio::test]
async fn a_deferred_purge_is_5() {
    let redis = RedisServer::start().await.unwrap();
    let app = Application::with_redis(&redis).await;
    app.program().line("stats").run().await.expect(0, "memory:   used ");
    app.program().line("purge --tag a").run().await.expect(0, "applied");
    redis.kill();
    app.program()
        .line("purge --tag a --timeout 60s")
        .run()
        .await
        .expect(5, "deferred: it holds on this instance");
    // Redis is behind the application, and does not answer it.
    app.program().line("instances --timeout 60s").run().await.expect(3, "");
}

#[tokio::test]
async fn an_answer_that_is_an_error_is_6() {
    let app = Application::start().await;
    let other = app.program().args(["stats", "--url", &app.url()]);
    other.run().await.expect(6, "is no admin router of Larder: it answers with 404");
    let page = app.program().args(["stats", "--url", &format!("{}/open?", app.url())]);
    page.run().await.expect(2, "it has a query");
    app.fill(&["/pages/1"]).await;
    let program = Program::new().line("warm --from - --to").args([app.url()]).input("/broken");
    program.run().await.expect(6, "1 pages, 1 failed");
    let program = app.program().line("warm --from - --host a").input("/broken");
    program.run().await.expect(6, "1 failed");
}

#[tokio::test]
async fn ctrl_c_is_130_or_the_end_of_what_does_not_end() {
    let app = Application::start().await;
    let mut tail = app.program().line("tail").start();
    app.purge_until(&mut tail).await;
    tail.interrupt().await;
    assert_eq!(tail.end().await.code, Some(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let stats = Program::new().args(["stats", "--timeout", "10m", "--url", &url]).start();
    // It has its handler once it has connected.
    let _connection = listener.accept().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1)).await;
    stats.interrupt().await;
    assert_eq!(stats.end().await.code, Some(130));
}
