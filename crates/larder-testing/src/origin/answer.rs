//! One answer of a scripted origin.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::{AnswerBody, Gate, Step};

/// The answer of an [`Origin`](crate::Origin) to one call.
///
/// An answer consists of a response and of the events before it, such as a wait or a panic.
#[derive(Debug, Clone)]
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: AnswerBody,
    gate: Option<Gate>,
    panics: Option<String>,
}

impl Answer {
    /// Creates a `200 OK` answer with this body, whose length is announced.
    #[must_use]
    pub fn ok(body: impl Into<Bytes>) -> Self {
        Self::status(StatusCode::OK).body(body)
    }

    /// Creates an answer with this status, without header fields and with an empty body.
    #[must_use]
    pub fn status(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: AnswerBody::whole(Bytes::new()),
            gate: None,
            panics: None,
        }
    }

    /// Creates an answer without a response: the call panics with this message.
    #[must_use]
    pub fn panicking(message: impl Into<String>) -> Self {
        let mut answer = Self::status(StatusCode::INTERNAL_SERVER_ERROR);
        answer.panics = Some(message.into());
        answer
    }

    /// Adds a header field line. Existing lines with the same name stay.
    ///
    /// # Panics
    ///
    /// Panics if the name or the value is invalid in a header field, which is a bug in the test.
    #[must_use]
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName, Error: std::fmt::Display>,
        V: TryInto<HeaderValue, Error: std::fmt::Display>,
    {
        let name = name.try_into().unwrap_or_else(|error| panic_with(&error.to_string()));
        let value = value.try_into().unwrap_or_else(|error| panic_with(&format!("{name}: {error}")));
        self.headers.append(name, value);
        self
    }

    /// Replaces the body with one frame of these bytes. Its length is announced.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = AnswerBody::whole(body.into());
        self
    }

    /// Replaces the body with one that runs these steps. Its length is not announced.
    #[must_use]
    pub fn steps(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.body = AnswerBody::steps(steps);
        self
    }

    /// Holds the call at the gate.
    ///
    /// The call is counted first. It responds or panics after the gate is opened.
    #[must_use]
    pub fn held_at(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    pub(super) async fn give(self) -> Response<AnswerBody> {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
        if let Some(message) = self.panics {
            panic_with(&message);
        }
        let mut response = Response::new(self.body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }
}

#[allow(clippy::panic)] // Either the script asks for it, or the script is wrong.
fn panic_with(message: &str) -> ! {
    panic!("{message}")
}
