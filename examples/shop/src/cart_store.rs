//! Where carts are read and written: a write-behind collection, or without a cache the database.

use std::sync::Arc;
use std::time::Duration;

use larder::values::WriteBehind;
use larder::write_queue::Durability;
use larder::{ConfigError, ttl};
use serde_json::Value;

use crate::caching::Caching;
use crate::carts::Cart;
use crate::database::Database;
use crate::errors::Error;
use crate::extract::Id;
use crate::queue_stats::queue_counters;

/// How long after the end of an instance another one flushes its writes.
pub(crate) const READER_LEASE: Duration = Duration::from_secs(2);

/// The carts of all users.
#[derive(Debug, Clone)]
pub(crate) struct CartStore {
    /// `None` with `--no-cache`.
    behind: Option<WriteBehind<i64, Cart>>,
    database: Database,
}

impl CartStore {
    /// Creates the write-behind collection of carts, if there is a cache. Its sink is the database.
    ///
    /// # Errors
    ///
    /// Fails if an option of the collection is invalid.
    pub(crate) fn open(
        caching: &Caching,
        database: &Database,
        durability: Durability,
    ) -> Result<Self, ConfigError> {
        let database = database.clone();
        if !caching.is_enabled() {
            return Ok(Self { behind: None, database });
        }
        let carts = caching.cache().values("cart").ttl(ttl::STANDARD).negative_ttl(ttl::STANDARD);
        let carts = carts.write_behind(database.clone()).reader_lease(READER_LEASE);
        // A queue in the process ends with the process, so nothing makes it durable.
        let carts = if caching.has_redis() { carts.durability(durability) } else { carts.in_process() };
        Ok(Self { behind: Some(carts.build()?), database })
    }

    /// Returns the cart of a user, unless there is none. A write that is still queued is in it.
    pub(crate) async fn find(&self, user: Id) -> Result<Option<Arc<Cart>>, Error> {
        let load = async || self.database.cart(user.get()).await.map_err(Arc::new);
        match &self.behind {
            Some(carts) => Ok(carts.get_or_load(&user.get(), load).await?),
            None => Ok(load().await.map_err(Error::Database)?.map(Arc::new)),
        }
    }

    /// Writes the cart of a user. `None` deletes it.
    ///
    /// A write-behind returns when the write is durable in the queue.
    pub(crate) async fn write(&self, user: Id, cart: Option<Cart>) -> Result<(), Error> {
        match (&self.behind, cart) {
            (Some(carts), Some(cart)) => carts.write(&user.get(), cart).await?,
            (Some(carts), None) => carts.delete(&user.get()).await?,
            (None, cart) => self.database.write_cart(user, cart.as_ref()).await?,
        }
        Ok(())
    }

    /// Returns the counters of the writes and of the queue, if there is one.
    pub(crate) async fn stats(&self) -> Option<Value> {
        let carts = self.behind.as_ref()?;
        Some(queue_counters(carts.write_stats(), carts.queue_stats().await.ok()))
    }
}
