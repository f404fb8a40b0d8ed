//! Queries on the table of users.

use super::{Database, run};
use crate::users::{NewUser, User};

impl Database {
    pub(crate) async fn user(&self, id: i64) -> Result<Option<User>, sqlx::Error> {
        let select = "SELECT id, name, email, score FROM users WHERE id = $1";
        let row = run!(self, |pool| sqlx::query_as(select).bind(id).fetch_optional(pool));
        Ok(row.await?.map(user))
    }

    /// Returns the users with the highest scores, the highest first.
    pub(crate) async fn top_users(&self, limit: i64) -> Result<Vec<User>, sqlx::Error> {
        let select = "SELECT id, name, email, score FROM users ORDER BY score DESC, id LIMIT $1";
        let rows = run!(self, |pool| sqlx::query_as(select).bind(limit).fetch_all(pool));
        Ok(rows.await?.into_iter().map(user).collect())
    }

    /// Writes and commits the user. Returns the user as this write has left it, or `None` if there
    /// is no user with this identifier.
    pub(crate) async fn update_user(&self, id: i64, new: &NewUser) -> Result<Option<User>, sqlx::Error> {
        let update = "UPDATE users SET name = $1, email = $2, score = $3 WHERE id = $4 \
                      RETURNING id, name, email, score";
        let row = run!(self, |pool| {
            let query = sqlx::query_as(update).bind(new.name.as_str()).bind(new.email.as_str());
            query.bind(new.score).bind(id).fetch_optional(pool)
        });
        Ok(row.await?.map(user))
    }
}

fn user((id, name, email, score): (i64, String, String, i64)) -> User {
    User { id, name, email, score }
}
