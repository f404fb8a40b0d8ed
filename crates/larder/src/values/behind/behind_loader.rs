//! Write-behind collections with a loader.

use std::sync::{Arc, OnceLock, Weak};

use serde::de::DeserializeOwned;

use crate::values::behind::behind_state::BehindState;
use crate::values::behind::pending::Pending;
use crate::values::behind::write_behind::WriteBehind;
use crate::values::behind::write_error::ReadError;
use crate::values::collection_state::{Collection, LoaderFn};
use crate::values::load_error::{LoadError, SharedError, shared};
use crate::values::loader_mark::{Loader, NoLoader};
use crate::values::value_key::ValueKey;

/// The state of a collection, for its loader.
///
/// The state has the collection, and the collection has the loader. So the loader gets the state
/// later, and does not keep it.
type StateLink<K, V> = Arc<OnceLock<Weak<BehindState<Collection<K, V>>>>>;

/// The mark of a collection, by which its loader asks the queue. Implemented for each mark.
pub trait LinkLoader<K, V>: Sized {
    /// Lets the loader, if there is one, ask the queue of the state that the link gets.
    fn link(loader: &mut Option<LoaderFn<K, V>>) -> LoaderLink<K, V>;
}

/// The link from a loader to the state of its collection.
pub struct LoaderLink<K, V>(StateLink<K, V>);

impl<K, V> LoaderLink<K, V> {
    /// Sets the state. It is set once.
    pub(super) fn set(self, state: &Arc<BehindState<Collection<K, V>>>) {
        // The cell is new, so it is empty.
        let _ = self.0.set(Arc::downgrade(state));
    }
}

impl<K, V> LinkLoader<K, V> for NoLoader {
    fn link(_: &mut Option<LoaderFn<K, V>>) -> LoaderLink<K, V> {
        LoaderLink(StateLink::default())
    }
}

impl<K, V, E> LinkLoader<K, V> for Loader<E>
where
    K: ValueKey + DeserializeOwned,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    fn link(loader: &mut Option<LoaderFn<K, V>>) -> LoaderLink<K, V> {
        let link = StateLink::default();
        *loader = loader.take().map(|loader| ask_before_load::<K, V, E>(loader, &link));
        LoaderLink(link)
    }
}

/// Returns a loader that asks the queue before each load. Its errors are of `ReadError<E>`.
fn ask_before_load<K, V, E>(loader: LoaderFn<K, V>, link: &StateLink<K, V>) -> LoaderFn<K, V>
where
    K: ValueKey + DeserializeOwned,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    let link = Arc::clone(link);
    Arc::new(move |key: K| {
        let (loader, state) = (Arc::clone(&loader), link.get().and_then(Weak::upgrade));
        Box::pin(async move {
            // The last handle is gone, and a refresh still runs.
            let Some(state) = state else { return Err(shared(ReadError::<E>::PendingUnavailable)) };
            let pending = state.pending(std::slice::from_ref(&key)).await;
            match pending.map_err(shared::<ReadError<E>>)?.pop().flatten() {
                Some(Pending(value)) => Ok(value),
                None => loader(key).await.map_err(read_error::<E>),
            }
        })
    })
}

/// Returns the error of a loader as that of a read.
fn read_error<E: Send + Sync + 'static>(error: SharedError) -> SharedError {
    // The loader has just made it, so nothing else has it.
    match error.downcast::<E>().ok().and_then(Arc::into_inner) {
        Some(error) => shared(ReadError::Load(error)),
        None => shared(ReadError::<E>::PendingUnavailable),
    }
}

/// Reads with the loader.
impl<K, V, E> WriteBehind<K, V, Loader<E>>
where
    K: ValueKey,
    V: Send + Sync + 'static,
    E: Send + Sync + 'static,
{
    /// Returns the value. If it is not cached, it is the pending one, or is loaded by the loader.
    ///
    /// This is [`Values::load`](crate::values::Values::load), with a question to the queue before
    /// each load. Refreshes in the background ask the queue as well.
    ///
    /// # Errors
    ///
    /// Returns an error if the queue cannot be asked and this instance has no unflushed write of
    /// the key, or if the load fails.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use larder::Cache;
    /// use larder::values::{FlushError, Flushed, Sink, Write};
    /// use larder::write_queue::Durability;
    ///
    /// struct Carts;
    ///
    /// impl Sink<Write<u64, String>> for Carts {
    ///     async fn flush(&self, batch: &[Write<u64, String>]) -> Result<Flushed, FlushError> {
    ///         // … INSERT … ON CONFLICT … WHERE carts.seq < excluded.seq
    ///         Ok(Flushed::rows(batch.len() as u64))
    ///     }
    /// }
    ///
    /// # let store = larder_testing::MemoryStore::default();
    /// let cache = Cache::builder().write_queue(store.clone()).shared_store(store).build();
    /// let carts = cache
    ///     .values("cart")
    ///     // … SELECT items FROM carts
    ///     .loader(async |_id| Ok::<Option<String>, std::io::Error>(None))
    ///     .write_behind(Carts)
    ///     .durability(Durability::Memory)
    ///     .build()?;
    /// carts.write(&7, "cheese".to_owned()).await?;
    /// assert!(carts.load(&7).await.is_ok());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn load(&self, key: &K) -> Result<Option<Arc<V>>, LoadError<ReadError<E>>> {
        self.values.load_with_errors(key).await
    }
}
