//! Closed pipes, and the lines of `tail`.

use std::time::Duration;

use larder::{Invalidation, Tag};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Application, Program, READER, Running};

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

/// The application sends many lines at once.
#[tokio::test]
async fn tail_skips_nothing_of_a_burst() {
    let app = Application::start().await;
    let mut tail = app.program().line("tail --json").start();
    app.purge_until(&mut tail).await;
    let tags = (0..100).map(|number| Tag::new(format!("burst:{number}")));
    let burst = tags.fold(Invalidation::default(), Invalidation::and);
    let _ = app.cache.invalidate(burst).await;
    let mut selectors = Vec::new();
    while selectors.len() < 100 {
        let line: Value = serde_json::from_str(&tail.line().await.unwrap()).unwrap();
        let selector = line["selector"].as_str().unwrap().to_owned();
        // The purges before may still come.
        if selector != "t:product:7" {
            selectors.push(selector);
        }
    }
    let expected: Vec<_> = (0..100).map(|number| format!("t:burst:{number}")).collect();
    assert_eq!(selectors, expected);
}

/// Reads the head of a request. A response before it would be an error.
async fn read_head(client: &mut TcpStream) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await.unwrap());
    }
}

/// A proxy may send the lines of an application in other pieces.
#[tokio::test]
async fn tail_prints_each_line_of_a_piece_and_each_line_in_pieces() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/ops/cache", proxy.local_addr().unwrap());
    let program = Program::new().env("LARDER_URL", url).env("LARDER_TOKEN", READER);
    let mut tail = program.line("tail --json -n 4").start();
    let (mut client, _) = proxy.accept().await.unwrap();
    read_head(&mut client).await;
    let line = |number: u32| {
        let tag = format!("t:{number}");
        let status = "applied";
        json!({ "event": "invalidation", "selector": tag, "is_soft": false, "status": status, "unix_millis": 1 })
    };
    let lines = (1..=4).map(|number| format!("{}\n", line(number))).collect::<String>();
    let (first, second) = lines.split_at(lines.len() / 4 * 3 + 10);
    client.write_all(format!("HTTP/1.1 200 OK\r\n\r\n\n{first}").as_bytes()).await.unwrap();
    for number in 1..=3 {
        assert_eq!(tail.line().await, Some(line(number).to_string()));
    }
    client.write_all(second.as_bytes()).await.unwrap();
    assert_eq!(tail.line().await, Some(line(4).to_string()));
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
