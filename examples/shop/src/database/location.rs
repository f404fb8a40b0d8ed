//! The location of the database.

use std::fmt;
use std::str::FromStr;

use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

/// The location of the database: a path, a `sqlite:` URL, or `:memory:`.
#[derive(Debug, Clone)]
pub struct Location {
    text: String,
    memory: bool,
    options: SqliteConnectOptions,
}

/// The error of a text that names no SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationError(String);

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, options) = match text.split_once(':') {
            Some(("sqlite", rest)) => (rest.trim_start_matches("//"), SqliteConnectOptions::from_str(text)),
            // `DATABASE_URL` may be set for another program, and must not become a file of that
            // name.
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(LocationError(format!("{scheme} is not SQLite")));
            }
            _ if text == ":memory:" => (text, SqliteConnectOptions::from_str("sqlite::memory:")),
            _ => (text, Ok(SqliteConnectOptions::new().filename(text))),
        };
        if name.is_empty() {
            return Err(LocationError("it names no file".into()));
        }
        Ok(Self {
            text: text.into(),
            memory: name == ":memory:" || name.contains("mode=memory"),
            options: options.map_err(|error| LocationError(error.to_string()))?,
        })
    }
}

impl Location {
    /// Whether the database ends with the process.
    pub(super) fn is_memory(&self) -> bool {
        self.memory
    }

    pub(super) fn options(&self) -> SqliteConnectOptions {
        // With a write-ahead log, `NORMAL` only risks the last writes in a power cut.
        self.options.clone().create_if_missing(true).synchronous(SqliteSynchronous::Normal)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; give a path, sqlite://PATH, or :memory: for none that lasts", self.0)
    }
}

impl std::error::Error for LocationError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_of_sqlite_are_taken() {
        for (text, file, memory) in [
            ("shop.sqlite", "shop.sqlite", false),
            ("/var/lib/shop.sqlite", "/var/lib/shop.sqlite", false),
            ("C:shop.sqlite", "C:shop.sqlite", false),
            ("what?.sqlite", "what?.sqlite", false),
            ("sqlite:shop.sqlite", "shop.sqlite", false),
            ("sqlite://shop.sqlite", "shop.sqlite", false),
            ("sqlite:///var/lib/shop.sqlite?mode=rwc", "/var/lib/shop.sqlite", false),
            ("sqlite://shop?mode=memory", "shop", true),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.options().get_filename().to_str(), Some(file), "{text}");
            assert_eq!(location.is_memory(), memory, "{text}");
            assert_eq!(location.to_string(), text);
        }
        for text in [":memory:", "sqlite::memory:", "sqlite://:memory:"] {
            assert!(text.parse::<Location>().unwrap().is_memory(), "{text}");
        }
    }

    #[test]
    fn other_databases_and_nothing_are_refused_by_name() {
        for (text, expected) in [
            ("postgres://localhost/shop", "postgres is not SQLite"),
            ("", "names no file"),
            ("sqlite:", "names no file"),
            ("sqlite://", "names no file"),
            ("sqlite://shop.sqlite?mode=odd", "odd"),
        ] {
            let error = text.parse::<Location>().unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
