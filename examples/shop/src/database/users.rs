//! Queries on the table of users.

use super::Database;
use crate::extract::Id;
use crate::users::{NewUser, User};

impl Database {
    pub(crate) async fn user(&self, id: Id) -> Result<Option<User>, sqlx::Error> {
        let query = sqlx::query_as("SELECT id, name, email, score FROM users WHERE id = ?")
            .bind(id.get())
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

    /// Writes and commits the user. Returns whether a user with this identifier exists.
    pub(crate) async fn update_user(&self, id: Id, new: &NewUser) -> Result<bool, sqlx::Error> {
        let query = sqlx::query("UPDATE users SET name = ?, email = ?, score = ? WHERE id = ?")
            .bind(new.name.as_str())
            .bind(new.email.as_str())
            .bind(new.score)
            .bind(id.get())
            .execute(&self.pool);
        Ok(self.delayed(query).await?.rows_affected() > 0)
    }
}

fn user((id, name, email, score): (i64, String, String, i64)) -> User {
    User { id, name, email, score }
}
