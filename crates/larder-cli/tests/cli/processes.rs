//! Closed pipes, and the lines of `tail`.

use std::time::Duration;

use larder::{Invalidation, Tag};
use serde_json::{Value, json};

use crate::support::{Application, Program, Running};

impl Application {
    /// Purges a tag until `tail` has printed a line, since it may not have begun to listen.
    pub(crate) async fn purge_until(&self, tail: &mut Running) -> String {
        loop {
            let _ = self.cache.invalidate(Invalidation::of(Tag::new("product:7"))).await;
            if let Ok(line) = tokio::time::timeout(Duration::from_millis(50), tail.line()).await {
                return line.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn tail_prints_invalidations_as_they_happen() {
    let app = Application::start().await;
    let mut tail = app.program().line("tail").start();
    let line = app.purge_until(&mut tail).await;
    assert!(line.contains("Z  tag    product:7"), "{line}");
    let mut tail = app.program().line("tail --json --count 1").start();
    let line: Value = serde_json::from_str(&app.purge_until(&mut tail).await).unwrap();
    assert_eq!((&line["event"], &line["selector"]), (&json!("invalidation"), &json!("t:product:7")));
    assert_eq!(tail.line().await, None);
    assert_eq!(tail.end().await.code, Some(0));
}

/// `larder tail | head -1` ends at once, and not with the next invalidation.
#[tokio::test]
async fn tail_ends_when_nobody_reads_it() {
    let app = Application::start().await;
    let mut tail = app.program().line("tail").start();
    app.purge_until(&mut tail).await;
    tail.close_output();
    let run = tail.end().await;
    assert_eq!((run.code, &*run.err), (Some(0), ""));
}

#[tokio::test]
async fn a_closed_pipe_is_no_error() {
    let app = Application::start().await;
    for line in ["completions bash", "--help", "stats", "top --json", "explain /products/1"] {
        let mut program = app.program().line(line).start();
        program.close_output();
        let run = program.end().await;
        assert_eq!((run.code, &*run.err), (Some(0), ""), "{line}");
    }
    let mut purge = app.program().line("purge --tag product:7").start();
    purge.close_output();
    assert_eq!(purge.end().await.code, Some(0));
    assert_eq!(app.cache.stats().invalidations, 1);
    let mut wrong = Program::new().line("stats").start();
    wrong.close_output();
    assert_eq!(wrong.end().await.code, Some(2));
}
