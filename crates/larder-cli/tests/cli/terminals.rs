//! Colors and progress bars are for terminals alone.

use larder_testing::RedisServer;
use tokio::task::spawn_blocking;

use crate::support::{Application, Program, Run, Terminal};

/// The places to which a run writes, and the form of its output.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Whether the standard output is a terminal, and not a pipe.
    out: bool,
    /// The same of the standard error.
    err: bool,
    no_color: Option<&'static str>,
    json: bool,
    is_decorated: bool,
}

/// A case with a terminal on both outputs, and nothing else.
const TERMINAL: Case = Case { out: true, err: true, no_color: None, json: false, is_decorated: true };

impl Case {
    /// Runs the program, and returns what came out of both ends.
    async fn run(self, mut program: Program) -> Run {
        let (out, err) = (Terminal::open(), Terminal::open());
        program = program.env("TERM", "xterm-256color");
        program = match self.no_color {
            Some(value) => program.env("NO_COLOR", value),
            None => program.without_env("NO_COLOR"),
        };
        if self.json {
            program = program.args(["--json"]);
        }
        let outputs = [self.out.then(|| out.output()), self.err.then(|| err.output())];
        let shown = [out, err].map(|terminal| spawn_blocking(|| terminal.read()));
        let mut run = program.run_with_outputs(outputs).await;
        let [out, err] = shown;
        run.out += &out.await.unwrap();
        run.err += &err.await.unwrap();
        run
    }
}

#[tokio::test]
async fn findings_have_colors_on_a_terminal_alone() {
    // Without a limit of its memory, there is something to say.
    let redis = RedisServer::start().await.unwrap();
    for case in [
        TERMINAL,
        Case { err: false, ..TERMINAL },
        // An empty variable counts as none: <https://no-color.org>.
        Case { no_color: Some(""), ..TERMINAL },
        Case { no_color: Some("1"), is_decorated: false, ..TERMINAL },
        Case { no_color: Some("0"), is_decorated: false, ..TERMINAL },
        Case { json: true, is_decorated: false, ..TERMINAL },
        Case { out: false, is_decorated: false, ..TERMINAL },
        Case { out: false, err: false, is_decorated: false, ..TERMINAL },
    ] {
        let run = case.run(Program::new().env("REDIS_URL", redis.url()).args(["advise"])).await;
        assert_eq!(run.code, Some(1), "{case:?}: {run:?}");
        assert!(run.out.contains("warning"), "{case:?}: {run:?}");
        assert_eq!(run.out.contains("\x1b[31mwarning\x1b[0m"), case.is_decorated, "{case:?}: {run:?}");
        assert_eq!(run.out.contains('\x1b'), case.is_decorated, "{case:?}: {run:?}");
    }
}

#[tokio::test]
async fn long_work_has_a_progress_bar_on_a_terminal_alone() {
    let app = Application::start().await;
    let pages = (0..20).map(|page| format!("/pages/{page}\n")).collect::<String>();
    for case in [
        TERMINAL,
        Case { out: false, ..TERMINAL },
        // A bar has no color.
        Case { no_color: Some("1"), ..TERMINAL },
        Case { json: true, is_decorated: false, ..TERMINAL },
        Case { err: false, is_decorated: false, ..TERMINAL },
        Case { out: false, err: false, is_decorated: false, ..TERMINAL },
    ] {
        let warm = app.program().line("warm --from - --host shop.example --rate 20").input(&pages);
        let run = case.run(warm).await;
        assert_eq!(run.code, Some(0), "{case:?}: {run:?}");
        assert!(run.out.contains("20 pages") || case.json, "{case:?}: {run:?}");
        let has_bar = run.err.contains("warm ") && run.err.contains("/20 ") && run.err.contains('█');
        assert_eq!(has_bar, case.is_decorated, "{case:?}: {run:?}");
        assert_eq!(run.err.contains('\x1b'), case.is_decorated, "{case:?}: {run:?}");
        assert!(!run.out.contains('█') && !run.out.contains('\x1b'), "{case:?}: {run:?}");
    }
}
