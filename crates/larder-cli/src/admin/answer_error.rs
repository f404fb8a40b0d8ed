//! The meaning of an answer with an error.

use http::StatusCode;
use serde::Deserialize;

use crate::cli_error::{CliError, CliErrorKind};

/// The body of an error of the API.
#[derive(Debug, Default, Deserialize)]
struct ErrorBody {
    error: String,
    message: String,
}

/// Returns the error of an answer without success.
pub(super) fn answer_error(base: &str, has_token: bool, status: StatusCode, body: &[u8]) -> CliError {
    let Ok(ErrorBody { error, message }) = serde_json::from_slice(body) else {
        return CliError::failed(format!("{base} is no admin router of Larder: it answers with {status}"));
    };
    let kind = match &*error {
        "unauthorized" | "forbidden" => CliErrorKind::Refused,
        "invalid" => CliErrorKind::Usage,
        "store" => CliErrorKind::Unavailable,
        "not-found" | "not-cached" => CliErrorKind::NotFound,
        _ => CliErrorKind::Failed,
    };
    let text = match &*error {
        "unauthorized" if has_token => "the token is refused".to_owned(),
        "unauthorized" => "a token is needed: LARDER_TOKEN, or --token-file".to_owned(),
        _ => message,
    };
    CliError::new(kind, text)
}
