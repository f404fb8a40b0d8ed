//! The fields by which a cache reports what it did, before its name is validated.

use crate::engine::config_error::{ConfigError, ConfigErrorKind};
use crate::http::cache_status::reporting::Reporting;

/// The options for the fields by which a cache reports what it did.
#[derive(Debug, Default)]
pub(super) struct ReportingOptions {
    pub(super) fields: Reporting,
    /// The name of the cache, if it is not the default one.
    pub(super) name: Option<Box<str>>,
}

impl ReportingOptions {
    /// Returns the fields, or an error if the name is invalid.
    pub(super) fn build(self) -> Result<Reporting, ConfigError> {
        match self.name {
            None => Ok(self.fields),
            Some(name) => {
                let fields = self.fields.with_name(&name);
                fields.ok_or_else(|| ConfigError::new(ConfigErrorKind::CacheName, name))
            }
        }
    }
}
