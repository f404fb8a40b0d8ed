//! Collections with a loader.

use std::sync::Arc;

use crate::values::collection::Values;
use crate::values::load_error::{LoadError, is_error_of, own};
use crate::values::loader_mark::Loader;
use crate::values::loading::load_with_loader;
use crate::values::value_key::ValueKey;

/// A collection of values with a loader, whose errors are of the type `E`.
///
/// # Examples
///
/// ```
/// use larder::values::LoadingValues;
///
/// struct Shop {
///     names: LoadingValues<u64, String, std::io::Error>,
/// }
/// ```
pub type LoadingValues<K, V, E> = Values<K, V, Loader<E>>;

impl<K: ValueKey, V: Send + Sync + 'static, E: Send + Sync + 'static> Values<K, V, Loader<E>> {
    /// Returns a value, and loads it with the collection's loader if it is not cached.
    ///
    /// This is like [`get_or_load`](Self::get_or_load). But the load runs in a task of its own: if
    /// all callers leave, it goes on, within the limits of
    /// [`max_abandoned_fills`](crate::CacheBuilder::max_abandoned_fills). Task-local values of the
    /// caller are not visible in it.
    ///
    /// # Errors
    ///
    /// Returns the error of the load. There is no other error.
    ///
    /// # Panics
    ///
    /// Panics if the load panics, unless a stale value may be served instead.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    ///
    /// let squares = Cache::default()
    ///     .values::<u64, u64>("square")
    ///     .loader(async |number| Ok::<_, std::io::Error>(number * number))
    ///     .build()?;
    /// assert_eq!(squares.load(&7).await?.as_deref(), Some(&49));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(&self, key: &K) -> Result<Option<Arc<V>>, LoadError<E>> {
        self.load_with_errors(key).await
    }

    /// Loads like [`load`](Self::load), with a loader whose errors are of the type `F`.
    pub(super) async fn load_with_errors<F>(&self, key: &K) -> Result<Option<Arc<V>>, LoadError<F>>
    where
        F: Send + Sync + 'static,
    {
        if let Some(cached) = self.hit(key) {
            return Ok(cached.value.clone());
        }
        let load = self.collection.functions.loader.as_ref().map(|loader| (Arc::clone(loader), key.clone()));
        let load = async move {
            match load {
                Some((loader, key)) => loader(key).await,
                // A collection with this marker has a loader.
                None => Ok(None),
            }
        };
        Box::pin(load_with_loader(&self.collection, key, is_error_of::<F>, load)).await.map_err(own)
    }
}
