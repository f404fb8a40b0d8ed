//! A table of what is stored, over an admin URL or over Redis.

use serde::{Deserialize, Serialize};

use crate::cli_error::CliError;
use crate::output::{Output, Table, number, text, units};

/// A stored response, in the form of the admin API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredResponse {
    pub(crate) path: String,
    pub(crate) status: u16,
    /// Whether it may be served: `fresh`, `stale`, `invalidated` …
    pub(crate) state: String,
    pub(crate) age_seconds: f64,
    pub(crate) remaining_seconds: f64,
    pub(crate) body_bytes: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) tags: Vec<String>,
    /// The values of the fields on which it varies.
    pub(crate) variant: Vec<VariantField>,
}

/// A field on which a response varies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VariantField {
    pub(crate) name: String,
    pub(crate) value: Option<String>,
}

/// A cached value, in the form of the admin API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StoredValue {
    pub(crate) state: String,
    pub(crate) age_seconds: f64,
    pub(crate) remaining_seconds: f64,
    pub(crate) stored_bytes: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) is_absence: bool,
}

/// A table of what is stored.
#[derive(Debug)]
pub(crate) struct StoredTable(Table);

impl StoredTable {
    pub(crate) fn new() -> Self {
        Self(Table::new([
            text("tier"),
            text("what"),
            text("state"),
            number("age"),
            number("remaining"),
            number("body"),
            number("stored"),
            text("tags"),
            text("variant"),
        ]))
    }

    /// Adds a response of this tier.
    pub(crate) fn response(&mut self, tier: &str, response: &StoredResponse) {
        let variant = response.variant.iter().map(|field| {
            let value = field.value.as_deref().unwrap_or("(absent)");
            format!("{}: {value}", field.name)
        });
        self.0.row([
            tier.to_owned(),
            format!("{} {}", response.status, response.path),
            response.state.clone(),
            units::seconds(response.age_seconds),
            units::seconds(response.remaining_seconds),
            units::bytes(response.body_bytes),
            units::bytes(response.stored_bytes),
            response.tags.join(" "),
            variant.collect::<Vec<_>>().join(", "),
        ]);
    }

    /// Adds a value of this tier.
    pub(crate) fn value(&mut self, tier: &str, value: &StoredValue) {
        let what = if value.is_absence { "absence" } else { "value" };
        self.0.row([
            tier.to_owned(),
            what.to_owned(),
            value.state.clone(),
            units::seconds(value.age_seconds),
            units::seconds(value.remaining_seconds),
            String::new(),
            units::bytes(value.stored_bytes),
            value.tags.join(" "),
            String::new(),
        ]);
    }

    /// Prints the table, if it has a row.
    pub(crate) fn print(&self, output: &Output) -> Result<(), CliError> {
        if self.0.is_empty() { Ok(()) } else { output.table(&self.0) }
    }
}
