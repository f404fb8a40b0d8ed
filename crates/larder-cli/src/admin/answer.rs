//! An answer of the admin API.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::cli_error::CliError;

/// An answer of the admin API: its own JSON, and what a command reads of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Answer(pub(super) Value);

impl Answer {
    /// Reads the fields that a command shows. An application of another version may have more.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, CliError> {
        T::deserialize(&self.0)
            .map_err(|error| CliError::failed(format!("the admin router is of another version: {error}")))
    }
}
