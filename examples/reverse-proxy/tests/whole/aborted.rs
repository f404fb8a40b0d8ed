//! Clients that begin large downloads and leave.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use larder_testing::RedisServer;

use crate::large_file::{FILE, assert_is_file_from, head};
use crate::support::{Origin, download};

/// The program, in a process of its own, so that its memory can be measured.
struct Program {
    process: Child,
    addr: SocketAddr,
}

impl Program {
    fn before(origin: &Origin, redis: &RedisServer) -> Self {
        let mut process = Command::new(env!("CARGO_BIN_EXE_reverse-proxy"))
            .args(["--addr", "127.0.0.1:0", "--origin", &format!("http://{}", origin.addr)])
            .args(["--redis", &redis.url(), "--memory", "0", "--max-body", "200", "--max-shared-body", "200"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let addr = line.trim().strip_prefix("listening on http://").unwrap().parse().unwrap();
        Self { process, addr }
    }

    /// Returns the most memory that the process had so far, in bytes, where the system reports it.
    fn max_memory(&self) -> Option<usize> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
        Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()? * 1024)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A fill that goes on without a client keeps the part of the body that it has read in memory. Only
/// one fill of this size may do so.
#[tokio::test]
async fn aborted_downloads_are_given_up_and_take_little_memory() {
    const DOWNLOADS: usize = 16;
    const SENT: usize = 20_000_000;
    let origin = Origin::answering(|mut wire, request| async move {
        wire.write(&head("200 OK", FILE.len(), "Cache-Control: max-age=60\r\n")).await;
        if request.starts_with("GET /whole ") {
            let _ = wire.write_bytes(&FILE).await;
        } else if wire.write_bytes(&FILE[..SENT]).await.is_ok() {
            // The rest never comes.
            wire.bytes(1).await;
        }
    })
    .await;
    let redis = RedisServer::start().await.unwrap();
    let program = Program::before(&origin, &redis);
    for number in 0..DOWNLOADS {
        let part = download(program.addr, &format!("GET /{number}"), &[], SENT).await;
        assert!(part.body == FILE[..SENT]);
    }
    assert_eq!(origin.heads().len(), DOWNLOADS);
    if let Some(memory) = program.max_memory() {
        assert!(memory < DOWNLOADS * SENT / 2, "{memory} bytes");
    }
    for _ in 0..2 {
        assert_is_file_from(0, &download(program.addr, "GET /whole", &[], usize::MAX).await.body);
    }
}
