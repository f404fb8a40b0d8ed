//! The variables of the environment, and small files.

use std::collections::BTreeMap;
use std::path::Path;
use std::{env, fmt, fs};

use crate::cli_error::CliError;
use crate::secrets::Secret;

/// The longest file with a secret.
const MAX_SECRET_FILE: u64 = 64 * 1024;

/// The variables that a target comes from. Tests have their own.
#[derive(Clone, Default)]
pub(crate) struct Environment(BTreeMap<&'static str, String>);

/// Variables can be secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Environment {
    pub(crate) const LARDER_URL: &'static str = "LARDER_URL";
    pub(crate) const REDIS_URL: &'static str = "REDIS_URL";
    pub(crate) const TOKEN: &'static str = "LARDER_TOKEN";
    pub(crate) const TOKEN_FILE: &'static str = "LARDER_TOKEN_FILE";
    pub(crate) const REDIS_PASSWORD_FILE: &'static str = "REDIS_PASSWORD_FILE";
    pub(crate) const NAMESPACE: &'static str = "LARDER_NAMESPACE";

    /// The variables that are read.
    const NAMES: [&'static str; 6] = [
        Self::LARDER_URL,
        Self::REDIS_URL,
        Self::TOKEN,
        Self::TOKEN_FILE,
        Self::REDIS_PASSWORD_FILE,
        Self::NAMESPACE,
    ];

    /// Reads the variables of this process. An empty one is as good as none.
    pub(crate) fn of_the_process() -> Self {
        let pairs = Self::NAMES.into_iter().filter_map(|name| Some((name, env::var(name).ok()?)));
        Self(pairs.filter(|(_, value)| !value.is_empty()).collect())
    }

    pub(crate) fn get(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// Reads a secret from a file. Spaces and line breaks around it do not count.
pub(crate) fn secret_file(path: &Path) -> Result<Secret, CliError> {
    let wrong =
        |problem: &str| CliError::usage(format!("`{}` is no file with a secret: {problem}", path.display()));
    let size = fs::metadata(path).map_err(|error| wrong(&error.to_string()))?.len();
    if size > MAX_SECRET_FILE {
        return Err(wrong("it is too long"));
    }
    let text = fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
    match text.trim() {
        "" => Err(wrong("it is empty")),
        secret => Ok(Secret::new(secret)),
    }
}
