//! A body whose lines come one by one.

use http_body_util::BodyExt;
use hyper::body::Incoming;

use crate::cli_error::CliError;

/// The longest line. A selector has at most a few KiB.
const MAX_LINE: usize = 1024 * 1024;

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
            match self.body.frame().await {
                None => return Ok(None),
                Some(Ok(frame)) => self.buffer.extend(frame.into_data().unwrap_or_default()),
                Some(Err(error)) => {
                    return Err(CliError::unreachable(format!("the answer broke off: {error}")));
                }
            }
        }
    }
}
