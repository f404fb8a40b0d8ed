//! The program as processes of their own.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The environment variables that are options.
pub(crate) const VARIABLES: [&str; 10] = [
    "SHOP_ADDR",
    "REDIS_URL",
    "DATABASE_URL",
    "SHOP_QUERY_DELAY",
    "SHOP_RECOMMEND_EVERY",
    "SHOP_CART_DURABILITY",
    "SHOP_MEMORY_BYTES",
    "SHOP_ADMIN_TOKEN",
    "SHOP_DEMO_LOAD",
    "SHOP_NO_CACHE",
];

/// A temporary folder, deleted when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("shop-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.0.join("shop.sqlite")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A running shop, killed when dropped.
pub(crate) struct Shop {
    pub(crate) process: Child,
    pub(crate) addr: String,
    /// The program fails if it prints a line that no one can read.
    _output: BufReader<ChildStdout>,
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The program, without the environment variables that would change its behavior.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    for variable in VARIABLES.iter().chain(&["RUST_LOG"]) {
        command.env_remove(variable);
    }
    command
}

pub(crate) fn start_with(database: impl AsRef<OsStr>, arguments: &[&str]) -> Child {
    command()
        .args(["--addr", "127.0.0.1:0", "--database"])
        .arg(database)
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for the line with the address.
pub(crate) fn listening(mut process: Child) -> Shop {
    let mut line = String::new();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    output.read_line(&mut line).unwrap();
    let addr = line.trim().strip_prefix("listening on http://").unwrap_or_default();
    let addr = addr.to_owned();
    let shop = Shop { process, addr, _output: output };
    assert!(!shop.addr.is_empty(), "it did not start: {line}");
    shop
}

/// Returns the whole response as text.
pub(crate) fn call(shop: &Shop, method: &str, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(&shop.addr).unwrap();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).unwrap();
    response
}

/// Sends SIGTERM.
#[cfg(unix)]
pub(crate) fn ask_to_end(shop: &Shop) {
    let id = shop.process.id().to_string();
    let sent = Command::new("kill").args(["-TERM", &id]).status().unwrap();
    assert!(sent.success());
}
