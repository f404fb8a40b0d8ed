//! The slow thing behind the cache: SQLite, with a delay on every query to stand for a database far away.

mod countries;
mod location;
mod products;
mod schema;
mod seed;
mod users;

use std::future::Future;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::error::DatabaseError;
use sqlx::sqlite::SqlitePoolOptions;

pub use location::{Location, LocationError};

/// How long a connection waits for another one, of this process or of another, to finish its write.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Connections that read side by side. SQLite lets only one write at a time, however many there are.
const CONNECTIONS: u32 = 8;

/// The shop's tables, and the queries on them.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pool: SqlitePool,
    delay: Duration,
}

impl Database {
    /// Opens the database. One that is new is created and filled first.
    ///
    /// # Errors
    ///
    /// The file cannot be opened or written, or is the database of something else.
    pub(crate) async fn open(location: &Location, delay: Duration) -> Result<Self, sqlx::Error> {
        let pool = pool(location).await?;
        schema::prepare(&pool).await?;
        Ok(Self { pool, delay })
    }

    /// Waits after the query rather than before it: the answer is then as old as an answer from far away, so that a
    /// cache which mixes up reads and writes is caught.
    async fn delayed<T>(&self, query: impl Future<Output = T>) -> T {
        let answer = query.await;
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        answer
    }
}

async fn pool(location: &Location) -> Result<SqlitePool, sqlx::Error> {
    let options = SqlitePoolOptions::new();
    let options = if location.is_memory() {
        // A database in memory is gone with its last connection, and connections that share one lock each other out.
        options.min_connections(1).max_connections(1).idle_timeout(None).max_lifetime(None)
    } else {
        options.max_connections(CONNECTIONS)
    };
    options.connect_with(location.options().busy_timeout(BUSY_TIMEOUT)).await
}

/// Whether the query failed because another connection was writing for too long.
pub(crate) fn is_busy(error: &sqlx::Error) -> bool {
    /// `SQLITE_BUSY`, which its extended codes carry in their low byte.
    const BUSY: u32 = 5;
    let code = error.as_database_error().and_then(DatabaseError::code);
    code.and_then(|code| code.parse::<u32>().ok()).is_some_and(|code| code & 0xff == BUSY)
}
