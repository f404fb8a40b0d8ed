//! Queries on the table of users.

use super::Database;
use crate::users::{NewUser, User};

impl Database {
    pub(crate) async fn user(&self, id: i64) -> Result<Option<User>, sqlx::Error> {
        let query = sqlx::query_as("SELECT id, name, email, score FROM users WHERE id = ?")
            .bind(id)
            .fetch_optional(&self.pool);
        Ok(self.delayed(query).await?.map(user))
    }

    /// Returns the users with the highest scores, the highest first.
    pub(crate) async fn top_users(&self, limit: i64) -> Result<Vec<User>, sqlx::Error> {
        let query =
            sqlx::query_as("SELECT id, name, email, score FROM users ORDER BY score DESC, id LIMIT ?")
                .bind(limit)
                .fetch_all(&self.pool);
        Ok(self.delayed(query).await?.into_iter().map(user).collect())
    }

    /// Writes and commits the user. Returns the user as this write has left it, or `None` if there
    /// is no user with this identifier.
    pub(crate) async fn update_user(&self, id: i64, new: &NewUser) -> Result<Option<User>, sqlx::Error> {
        let query = sqlx::query_as(
            "UPDATE users SET name = ?, email = ?, score = ? WHERE id = ? RETURNING id, name, email, score",
        )
        .bind(new.name.as_str())
        .bind(new.email.as_str())
        .bind(new.score)
        .bind(id)
        .fetch_optional(&self.pool);
        Ok(self.delayed(query).await?.map(user))
    }
}

fn user((id, name, email, score): (i64, String, String, i64)) -> User {
    User { id, name, email, score }
}
