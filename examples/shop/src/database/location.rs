//! The location of the database.

use std::fmt;
use std::str::FromStr;

use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteSynchronous};

/// The location of the database: a path, a `sqlite:` URL, `:memory:`, or a `postgres:` URL.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Location {
    /// A file of SQLite, or a database in memory.
    #[non_exhaustive]
    Sqlite {
        /// The location as it was given.
        text: String,
        /// Whether the database ends with the process.
        is_memory: bool,
        /// How to connect to it.
        options: Box<SqliteConnectOptions>,
    },
    /// A database of Postgres.
    Postgres(Box<PgConnectOptions>),
}

/// The error of a text that names no SQLite database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocationError(String);

impl FromStr for Location {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, options) = match text.split_once(':') {
            Some(("postgres" | "postgresql", _)) => return postgres(text),
            Some(("sqlite", rest)) => (rest.trim_start_matches("//"), SqliteConnectOptions::from_str(text)),
            // `DATABASE_URL` may be set for another program, and must not become a file of that
            // name.
            Some((scheme, rest)) if rest.starts_with("//") => {
                return Err(LocationError(format!("{scheme} is neither SQLite nor Postgres")));
            }
            _ if text == ":memory:" => (text, SqliteConnectOptions::from_str("sqlite::memory:")),
            _ => (text, Ok(SqliteConnectOptions::new().filename(text))),
        };
        if name.is_empty() {
            return Err(LocationError("it names no file".into()));
        }
        let options = options.map_err(|error| LocationError(error.to_string()))?;
        // With a write-ahead log, `NORMAL` only risks the last writes in a power cut.
        let options = options.create_if_missing(true).synchronous(SqliteSynchronous::Normal);
        let is_memory = name == ":memory:" || name.contains("mode=memory");
        Ok(Self::Sqlite { text: text.into(), is_memory, options: Box::new(options) })
    }
}

fn postgres(url: &str) -> Result<Location, LocationError> {
    let options = PgConnectOptions::from_str(url).map_err(|error| LocationError(error.to_string()))?;
    Ok(Location::Postgres(Box::new(options)))
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { text, .. } => f.write_str(text),
            // Without the password.
            Self::Postgres(options) => {
                let (host, port) = (options.get_host(), options.get_port());
                write!(f, "postgres://{host}:{port}/{}", options.get_database().unwrap_or_default())
            }
        }
    }
}

impl fmt::Display for LocationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}; give a path, sqlite://PATH, postgres://HOST/NAME, or :memory: for none that lasts",
            self.0
        )
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
            assert_eq!(location.to_string(), text);
            let Location::Sqlite { is_memory, options, .. } = location else { panic!("{text}") };
            assert_eq!((options.get_filename().to_str(), is_memory), (Some(file), memory), "{text}");
        }
        for text in [":memory:", "sqlite::memory:", "sqlite://:memory:"] {
            let location = text.parse::<Location>().unwrap();
            assert!(matches!(location, Location::Sqlite { is_memory: true, .. }), "{text}");
        }
    }

    #[test]
    fn postgres_is_named_without_its_password() {
        for scheme in ["postgres", "postgresql"] {
            let location: Location = format!("{scheme}://me:secret@db.example:5433/shop").parse().unwrap();
            assert_eq!(location.to_string(), "postgres://db.example:5433/shop");
        }
    }

    #[test]
    fn other_databases_and_nothing_are_refused_by_name() {
        for (text, expected) in [
            ("mysql://localhost/shop", "mysql is neither SQLite nor Postgres"),
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
