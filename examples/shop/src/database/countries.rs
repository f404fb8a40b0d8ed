//! The query on the table of countries.

use super::{Database, run};
use crate::countries::Country;

impl Database {
    /// Returns all countries, in the order of their codes.
    pub(crate) async fn countries(&self) -> Result<Vec<Country>, sqlx::Error> {
        let select = "SELECT code, name FROM countries ORDER BY code";
        let rows: Vec<(String, String)> = run!(self, |pool| sqlx::query_as(select).fetch_all(pool)).await?;
        Ok(rows.into_iter().map(|(code, name)| Country { code, name }).collect())
    }
}
