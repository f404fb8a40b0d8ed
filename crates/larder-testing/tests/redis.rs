//! The test's own `redis-server`: it starts, hangs, dies and comes back on demand.
//!
//! It never outlives its owner.
#![cfg(unix)]
#![allow(clippy::unwrap_used)] // Clippy does not see that the helpers here are tests too.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use larder_testing::{RedisServer, Reply};

fn refuses(address: SocketAddr) -> bool {
    matches!(TcpStream::connect(address), Err(error) if error.kind() == io::ErrorKind::ConnectionRefused)
}

#[tokio::test]
async fn it_answers_and_leaves_nothing_behind() {
    let server = RedisServer::start().await.unwrap();
    assert_eq!(server.command(&["SET", "a", "b"]).await.unwrap(), Reply::Status("OK".into()));
    assert_eq!(server.command(&["GET", "a"]).await.unwrap().as_bytes(), Some(&b"b"[..]));
    assert_eq!(server.command(&["INCR", "n"]).await.unwrap().as_integer(), Some(1));
    assert_eq!(server.command(&["KEYS", "*"]).await.unwrap().as_array().unwrap().len(), 2);
    assert_eq!(server.command(&["GET", "none"]).await.unwrap(), Reply::Nil);
    let error = server.command(&["INCR", "a"]).await.unwrap_err();
    assert!(error.to_string().starts_with("ERR "), "{error}");

    let (address, directory) = (server.address(), server.directory().to_owned());
    assert_eq!(server.url(), format!("redis://{address}"));
    assert!(directory.is_dir());
    drop(server);
    assert!(refuses(address));
    assert!(!directory.exists());
}

#[tokio::test(start_paused = true)]
async fn it_takes_real_time_under_a_paused_clock() {
    let server = RedisServer::start().await.unwrap();
    let begun = tokio::time::Instant::now();
    server.command(&["PING"]).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn servers_do_not_share_anything() {
    let (one, two) = tokio::join!(RedisServer::start(), RedisServer::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    one.command(&["SET", "a", "b"]).await.unwrap();
    assert_eq!(two.command(&["GET", "a"]).await.unwrap(), Reply::Nil);
}

#[tokio::test]
async fn configuration_password_and_users_are_in_force() {
    let builder =
        RedisServer::builder().config("maxmemory 12mb").password("secret").user("app on >pw ~larder:* +@all");
    let server = builder.start().await.unwrap();
    assert_eq!(server.url(), format!("redis://:secret@{}", server.address()));

    let limit = server.command(&["CONFIG", "GET", "maxmemory"]).await.unwrap();
    assert_eq!(limit.as_array().unwrap()[1].as_str(), Some("12582912"));
    assert_eq!(ask(server.address(), "PING"), "-NOAUTH Authentication required.");
    assert_eq!(ask(server.address(), "AUTH app pw"), "+OK");
    let users = server.command(&["ACL", "USERS"]).await.unwrap();
    assert_eq!(users.as_array().unwrap().len(), 2);
}

/// Sends one inline command on a new connection, and returns the first line of the reply.
fn ask(address: SocketAddr, command: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "{command}\r\n").unwrap();
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

#[tokio::test]
async fn settings_that_cannot_be_are_an_error_that_says_so() {
    let error = RedisServer::builder().config("maxmemory lots").start().await.unwrap_err();
    assert!(error.to_string().contains("redis-server ended at its start"), "{error}");
    assert!(error.to_string().contains("maxmemory lots"), "{error}");
}

#[tokio::test]
async fn a_replica_is_in_sync_when_it_has_started() {
    let primary = RedisServer::builder().password("secret").start().await.unwrap();
    primary.command(&["SET", "a", "b"]).await.unwrap();
    let replica = RedisServer::builder().replica_of(&primary).start().await.unwrap();
    assert_eq!(replica.command(&["GET", "a"]).await.unwrap().as_str(), Some("b"));
    let error = replica.command(&["SET", "a", "c"]).await.unwrap_err();
    assert!(error.to_string().starts_with("READONLY"), "{error}");
}

#[tokio::test]
async fn a_hung_server_answers_when_it_goes_on() {
    let server = RedisServer::start().await.unwrap();
    for _ in 0..20 {
        server.pause().unwrap();
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"PING\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut reply = [0; 7];
        assert_eq!(stream.read(&mut reply).unwrap_err().kind(), io::ErrorKind::WouldBlock);

        server.resume().unwrap();
        stream.set_read_timeout(None).unwrap();
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(&reply, b"+PONG\r\n");
    }
}

#[tokio::test]
async fn a_killed_server_refuses_and_comes_back_empty_on_its_port() {
    let server = RedisServer::start().await.unwrap();
    server.command(&["SET", "a", "b"]).await.unwrap();
    server.pause().unwrap();
    server.kill();
    assert!(refuses(server.address()));
    assert!(server.command(&["PING"]).await.is_err());
    assert_eq!(server.pause().unwrap_err().kind(), io::ErrorKind::NotFound);

    server.restart().await.unwrap();
    assert_eq!(server.command(&["GET", "a"]).await.unwrap(), Reply::Nil);
    server.restart().await.unwrap();
    server.command(&["PING"]).await.unwrap();
}

#[tokio::test]
async fn a_restart_on_a_port_that_was_taken_is_an_error_and_can_be_repeated() {
    let server = RedisServer::start().await.unwrap();
    server.kill();
    let squatter = TcpListener::bind(server.address()).unwrap();
    let error = server.restart().await.unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AddrInUse);
    drop(squatter);
    server.restart().await.unwrap();
}

#[tokio::test]
async fn persisted_data_survives_a_kill() {
    let builder = RedisServer::builder().config("appendonly yes").config("appendfsync always");
    let server = builder.start().await.unwrap();
    server.command(&["SET", "a", "b"]).await.unwrap();
    server.kill();
    server.restart().await.unwrap();
    assert_eq!(server.command(&["GET", "a"]).await.unwrap().as_str(), Some("b"));
}

#[tokio::test]
async fn it_dies_with_a_test_that_panics() {
    let server = RedisServer::start().await.unwrap();
    let address = server.address();
    let test = tokio::spawn(async move {
        server.command(&["PING"]).await.unwrap();
        panic!("the test fails");
    });
    assert!(test.await.unwrap_err().is_panic());
    assert!(refuses(address));
}

/// Runs one test of this file again, in a separate process that has `ROLE` set.
fn in_a_process_of_its_own(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env("ROLE", "child").stderr(Stdio::null());
    command
}

fn is_child() -> bool {
    std::env::var_os("ROLE").is_some()
}

#[tokio::test]
async fn it_dies_with_a_process_that_is_killed() {
    if is_child() {
        let server = RedisServer::start().await.unwrap();
        println!("\nserver {} {}", server.address(), server.directory().display());
        thread::sleep(Duration::MAX);
    }
    let mut child = in_a_process_of_its_own("it_dies_with_a_process_that_is_killed")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = lines.map(Result::unwrap).find(|line| line.starts_with("server ")).unwrap();
    let (address, directory) = line.trim_start_matches("server ").split_once(' ').unwrap();
    let (address, directory) = (address.parse().unwrap(), Path::new(directory));
    assert!(!refuses(address) && directory.is_dir());

    child.kill().unwrap();
    child.wait().unwrap();
    let gone = (0..2000).any(|_| {
        thread::sleep(Duration::from_millis(5));
        refuses(address) && !directory.exists()
    });
    assert!(gone, "the server or its directory is still there");
}

#[tokio::test]
async fn a_missing_redis_server_is_an_error_that_says_what_to_install() {
    if is_child() {
        let error = RedisServer::start().await.unwrap_err();
        println!("\nerror {:?} {error}", error.kind());
        return;
    }
    let output = in_a_process_of_its_own("a_missing_redis_server_is_an_error_that_says_what_to_install")
        .env("PATH", "")
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let line = output.lines().find_map(|line| line.strip_prefix("error ")).unwrap();
    assert!(line.starts_with("NotFound") && line.contains("`cargo xtask test`"), "{line}");
}
