//! The part of Redis's protocol (RESP2) that a test needs to administer a server.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

/// The reply of a `redis-server` to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// A status, such as `OK`.
    Status(String),
    /// An integer.
    Integer(i64),
    /// A byte string.
    Bulk(Bytes),
    /// No value: the key does not exist.
    Nil,
    /// Several replies.
    Array(Vec<Reply>),
}

impl Reply {
    /// Returns the text of a status, or of a byte string that is UTF-8.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Status(text) => Some(text),
            Self::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Returns the bytes of a byte string.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bulk(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// Returns the value of an integer.
    #[must_use]
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            _ => None,
        }
    }

    /// Returns the replies in an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(replies) => Some(replies),
            _ => None,
        }
    }
}

/// The address at which a test sends commands to a server.
#[derive(Debug, Clone)]
pub(super) enum Door {
    Tcp(SocketAddr),
    /// Used for a server that speaks TLS on its port, because this module does not support TLS.
    Unix(PathBuf),
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A blocking connection with a time limit for each wait.
///
/// Blocking calls wait in real time, even if a test pauses tokio's clock.
pub(super) struct Connection(BufReader<Box<dyn Stream>>);

impl Connection {
    pub(super) fn open(door: &Door, password: Option<&str>, patience: Duration) -> io::Result<Self> {
        let stream: Box<dyn Stream> = match door {
            Door::Tcp(address) => {
                let stream = TcpStream::connect_timeout(address, patience)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                Box::new(stream)
            }
            Door::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_read_timeout(Some(patience))?;
                stream.set_write_timeout(Some(patience))?;
                Box::new(stream)
            }
        };
        let mut connection = Self(BufReader::new(stream));
        if let Some(password) = password {
            connection.command(&["AUTH", password])?;
        }
        Ok(connection)
    }

    pub(super) fn command(&mut self, words: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        self.0.get_mut().write_all(&encode(words))?;
        read_reply(&mut self.0)
    }
}

fn encode(words: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        command.extend_from_slice(word);
        command.extend_from_slice(b"\r\n");
    }
    command
}

fn read_reply(from: &mut impl BufRead) -> io::Result<Reply> {
    let line = read_line(from)?;
    let (kind, rest) = line.split_at_checked(1).ok_or_else(|| malformed(&line))?;
    match kind {
        "+" => Ok(Reply::Status(rest.to_owned())),
        "-" => Err(io::Error::other(rest)),
        ":" => rest.parse().map(Reply::Integer).map_err(|_| malformed(&line)),
        "$" => length(rest, &line)?.map_or(Ok(Reply::Nil), |length| read_bulk(from, length)),
        "*" => length(rest, &line)?.map_or(Ok(Reply::Nil), |length| {
            (0..length).map(|_| read_reply(from)).collect::<io::Result<_>>().map(Reply::Array)
        }),
        _ => Err(malformed(&line)),
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = String::new();
    from.read_line(&mut line)?;
    match line.strip_suffix("\r\n") {
        Some(whole) => Ok(whole.to_owned()),
        None => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Parses a length. Returns `None` for -1, which means that there is no value.
fn length(text: &str, line: &str) -> io::Result<Option<u64>> {
    if text == "-1" {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| malformed(line))
}

fn read_bulk(from: &mut impl BufRead, length: u64) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length || !read_line(from)?.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Reply::Bulk(bytes.into()))
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("not a reply: {line:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mut bytes: &[u8]) -> io::Result<Reply> {
        read_reply(&mut bytes)
    }

    #[test]
    fn each_kind_of_reply_is_read() {
        let bulk = |text: &'static str| Reply::Bulk(text.into());
        let table = [
            ("+OK\r\n", Reply::Status("OK".into())),
            (":-7\r\n", Reply::Integer(-7)),
            ("$5\r\na\r\nbc\r\n", bulk("a\r\nbc")),
            ("$0\r\n\r\n", bulk("")),
            ("$-1\r\n", Reply::Nil),
            ("*-1\r\n", Reply::Nil),
            ("*2\r\n$1\r\na\r\n*1\r\n:1\r\n", {
                Reply::Array(vec![bulk("a"), Reply::Array(vec![Reply::Integer(1)])])
            }),
        ];
        for (bytes, reply) in table {
            assert_eq!(read(bytes.as_bytes()).unwrap(), reply, "{bytes:?}");
        }
    }

    #[test]
    fn errors_and_broken_replies_are_errors() {
        assert_eq!(read(b"-ERR no\r\n").unwrap_err().to_string(), "ERR no");
        for bytes in ["", "+OK", "$5\r\nab\r\n", "$x\r\n", "*2\r\n:1\r\n", "?\r\n", "\r\n", ":\r\n"] {
            assert!(read(bytes.as_bytes()).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_command_is_encoded_with_its_lengths() {
        assert_eq!(encode(&["GET", "ä"]), "*2\r\n$3\r\nGET\r\n$2\r\nä\r\n".as_bytes());
    }
}
