//! A body whose lines come one by one.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::cli_error::CliError;

/// The longest line. A selector has at most a few KiB.
const MAX_LINE: usize = 1024 * 1024;

/// The longest time without a sign of life. An application that lives sends an empty line after
/// 15 s.
const MAX_SILENCE: Duration = Duration::from_secs(60);

/// A body whose lines come one by one. Empty lines are left out.
#[derive(Debug)]
pub(crate) struct LineStream {
    body: Incoming,
    buffer: Vec<u8>,
}

impl LineStream {
    pub(super) const fn new(body: Incoming) -> Self {
        Self { body, buffer: Vec::new() }
    }

    /// Waits for the next line. Returns `None` when the body has ended.
    pub(crate) async fn next(&mut self) -> Result<Option<String>, CliError> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    return Ok(Some(line));
                }
            }
            if self.buffer.len() > MAX_LINE {
                return Err(CliError::failed("a line of the answer is too long"));
            }
            match timeout(MAX_SILENCE, self.body.frame()).await {
                Err(_) => return Err(CliError::unreachable("the application gives no sign of life")),
                Ok(None) => return Ok(None),
                Ok(Some(Ok(frame))) => self.buffer.extend(frame.into_data().unwrap_or_default()),
                Ok(Some(Err(error))) => {
                    return Err(CliError::unreachable(format!("the answer broke off: {error}")));
                }
            }
        }
    }
}
