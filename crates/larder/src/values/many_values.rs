//! Many values at once.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::sync::Arc;

use quick_cache::DefaultHashBuilder;

use crate::values::collection::Values;
use crate::values::load_error::{LoadError, SharedError, is_error_of, own, shared};
use crate::values::loading::load_many::{Answers, LoadMany, ManyRequest};
use crate::values::value_key::ValueKey;

/// The user's function for all values that are missing.
struct LoadFn<F>(F);

impl<K, V, F, Fut, I, E> LoadMany<K, V> for LoadFn<F>
where
    K: ValueKey,
    F: FnMut(Vec<K>) -> Fut,
    Fut: Future<Output = Result<I, E>>,
    I: IntoIterator<Item = (K, V)>,
    E: Send + Sync + 'static,
{
    async fn load(&mut self, keys: Vec<K>) -> Result<HashMap<K, V>, SharedError> {
        (self.0)(keys).await.map(|loaded| loaded.into_iter().collect()).map_err(shared)
    }
}

/// Many values.
impl<K: ValueKey, V: Send + Sync + 'static, L> Values<K, V, L> {
    /// Returns the values with these keys, in their order, and loads those that are not cached.
    ///
    /// `load` gets the keys that are missing, and returns pairs of a key and its value. A key that
    /// it leaves out has no value. The values that are in the shared store are read in one round
    /// trip, and what is missing is one load for up to 1,024 keys.
    ///
    /// Values that another call loads at this moment, here or on another instance, are not loaded
    /// twice: this call loads the rest, and then waits for them. If a load on this instance fails
    /// meanwhile, its error is that of this call, too.
    ///
    /// The load runs in this future, like that of [`get_or_load`](Self::get_or_load). A stale value
    /// is never returned.
    ///
    /// # Errors
    ///
    /// Returns the error of the load. There is no other error.
    ///
    /// # Panics
    ///
    /// Panics if the load panics.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder::values::Values;
    ///
    /// let squares: Values<u64, u64> = Cache::default().values("square").build()?;
    /// let load = async |missing: Vec<u64>| {
    ///     Ok::<_, std::io::Error>(missing.into_iter().map(|number| (number, number * number)))
    /// };
    /// let found = squares.get_many_or_load(&[2, 3, 4], load).await?;
    /// assert_eq!(found.iter().flatten().map(|square| **square).collect::<Vec<_>>(), [4, 9, 16]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn get_many_or_load<F, Fut, I, E>(
        &self,
        keys: &[K],
        load: F,
    ) -> Result<Vec<Option<Arc<V>>>, LoadError<E>>
    where
        F: FnMut(Vec<K>) -> Fut,
        Fut: Future<Output = Result<I, E>>,
        I: IntoIterator<Item = (K, V)>,
        E: Send + Sync + 'static,
    {
        let hasher = DefaultHashBuilder::default();
        let mut seen = HashSet::with_capacity_and_hasher(keys.len(), hasher.clone());
        let mut answers = Answers::with_capacity_and_hasher(keys.len(), hasher);
        let mut missing = Vec::new();
        for key in keys {
            if !seen.insert(key) {
                continue;
            }
            match self.hit(key) {
                Some(cached) => drop(answers.insert(key.clone(), cached.value.clone())),
                None => missing.push(key.clone()),
            }
        }
        if !missing.is_empty() {
            let (collection, is_own_error) = (&self.collection, is_error_of::<E> as fn(&SharedError) -> bool);
            let request = ManyRequest { collection, is_own_error, load: LoadFn(load), answers };
            answers = Box::pin(request.run(missing)).await.map_err(own)?;
        }
        Ok(keys.iter().map(|key| answers.get(key).cloned().flatten()).collect())
    }
}
