//! Which target a command goes to.

use crate::support::{Application, Program};

#[tokio::test]
async fn some_commands_need_an_admin_url() {
    for line in ["explain /a", "top", "warm --top 1", "warm --from /dev/null"] {
        let over_redis = Program::new().env("REDIS_URL", "redis://127.0.0.1:1").line(line);
        over_redis.run().await.expect(2, "is not available over Redis");
    }
    let refill = Program::new().env("REDIS_URL", "redis://127.0.0.1:1").line("purge --tag a --refill 1");
    refill.run().await.expect(2, "is not available over Redis");
}

/// The table of the help says the same.
#[tokio::test]
async fn the_help_says_which_commands_need_an_admin_url() {
    let help = Program::new().line("--help").run().await.out;
    let row = |command: &str| {
        help.lines().find(|line| line.starts_with(&format!("{command} "))).unwrap().to_owned()
    };
    for command in ["explain", "top", "warm"] {
        assert!(row(command).ends_with("  no"), "{}", row(command));
    }
    for command in ["stats", "tail", "advise", "purge", "disable"] {
        assert!(!row(command).ends_with("  no"), "{}", row(command));
    }
}

#[tokio::test]
async fn some_commands_need_redis() {
    let app = Application::start().await;
    for line in ["doctor", "bench"] {
        app.program().line(line).run().await.expect(2, "needs a Redis");
        app.program().line(line).args([app.admin_url()]).run().await.expect(2, "not an admin URL");
    }
}

#[tokio::test]
async fn an_argument_wins_over_the_environment() {
    let app = Application::start().await;
    // LARDER_URL wins over REDIS_URL.
    let both = app.program().env("REDIS_URL", "redis://127.0.0.1:1");
    both.line("stats").run().await.expect(0, "requests");
    let argument = app.program().env("LARDER_URL", "http://127.0.0.1:1").line("stats --url");
    argument.args([app.admin_url()]).run().await.expect(0, "requests");
    // A slash at the end changes nothing.
    let slash = app.program().line("stats --url").args([format!("{}/", app.admin_url())]);
    slash.run().await.expect(0, "requests");
    let empty = app.program().env("LARDER_URL", "").line("stats");
    empty.run().await.expect(2, "no target");
}
