//! The query on the table of countries.

use super::Database;
use crate::countries::Country;

impl Database {
    /// Returns all countries, in the order of their codes.
    pub(crate) async fn countries(&self) -> Result<Vec<Country>, sqlx::Error> {
        let query = sqlx::query_as("SELECT code, name FROM countries ORDER BY code").fetch_all(&self.pool);
        let rows: Vec<(String, String)> = self.delayed(query).await?;
        Ok(rows.into_iter().map(|(code, name)| Country { code, name }).collect())
    }
}
