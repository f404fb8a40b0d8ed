//! A write to the database that has begun.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::outcome::NotStored;
use larder_core::write_queue::LoggedEvent;

use crate::engine::invalidate::append::{
    append_invalidation, append_queued_key, append_queued_write, invalidate_now,
};
use crate::engine::invalidate::logged_push::apply_logged_key;
use crate::engine::invalidation_log::invalidation::{Invalidation, InvalidationOutcome};
use crate::values::collection_state::{Collection, note_use};
use crate::values::encoded_value::{EncodedValue, share_value};
use crate::values::new_value::NewValue;
use crate::values::registry::CollectionKind;
use crate::values::value_key::{NO_KEY, ValueKey, shared_key};
use crate::values::written::Written;

/// The entry of an invalidation that was deferred, in a build that stores its value on purpose.
#[cfg(larder_broken = "write-through-deferred")]
const NO_ENTRY: Appended = Appended {
    incarnation: Position::REFUSED.incarnation,
    id: Position::REFUSED.watermark.log,
    answered: larder_core::time::BootTime::ZERO,
};

/// A write of one value, from before its transaction to after its commit.
///
/// Returned by [`Values::begin_write`](crate::values::Values::begin_write). Dropping it without
/// [`finish`](Self::finish) invalidates the value: the write may have been committed.
#[must_use = "dropping it invalidates the value; call `finish` after the commit"]
pub struct PendingWrite<K: ValueKey, V: Send + Sync + 'static> {
    collection: Arc<Collection<K, V>>,
    key: K,
    /// The encoded key. `None` if it is too long, so that nothing is stored under it.
    text: Option<Arc<str>>,
    /// The position in the log from before the write (rule 18).
    began: Position,
    is_finished: bool,
}

/// A write as the queue has it.
#[derive(Clone, Copy, Default)]
pub(super) struct QueuedForm {
    /// The size of the encoded value.
    pub(super) bytes: usize,
    /// The event of the key, if it was appended with the push.
    pub(super) event: Option<LoggedEvent>,
}

/// How a write has ended.
struct Ended<V> {
    written: Written<V>,
    /// The entry of its event, if that is known.
    entry: Option<Appended>,
    /// The position of its value, if that was stored.
    stored_at: Option<Position>,
}

impl<K: ValueKey, V: Send + Sync + 'static> PendingWrite<K, V> {
    pub(super) fn new(collection: &Arc<Collection<K, V>>, key: &K) -> Self {
        Self::named(collection, key, shared_key(&collection.name, key))
    }

    /// Creates a write of a key whose encoded form is known.
    pub(super) fn named(collection: &Arc<Collection<K, V>>, key: &K, text: Option<Arc<str>>) -> Self {
        let began = collection.engine.log.position();
        Self { collection: Arc::clone(collection), key: key.clone(), text, began, is_finished: false }
    }

    /// Invalidates the old value everywhere, and stores the new one.
    ///
    /// Call this after the commit, with the value as the transaction has left it. `None` is an
    /// absence. The value is not stored if another write of it overlapped, because the cache cannot
    /// know which of the two was committed last.
    ///
    /// This never fails. If Redis cannot be reached, the invalidation is
    /// [deferred](crate::InvalidationOutcome::Deferred), and nothing is stored.
    pub async fn finish(mut self, value: impl Into<Option<V>>) -> Written<V> {
        self.end(value.into(), None, None).await.written
    }

    /// Ends the write of a queue like [`finish`](Self::finish), and returns its value's position.
    ///
    /// An event of the key beyond this position may come from a later write. An invalidation that
    /// was deferred has no place in the log. The position is then that from before the write, with
    /// the present local number, so it does not tell whether another write of this process was
    /// deferred meanwhile. Returns `None` if another write may have overlapped.
    pub(super) async fn finish_queued(
        mut self,
        value: impl Into<Option<V>>,
        queued: QueuedForm,
    ) -> (Written<V>, Option<Position>) {
        let QueuedForm { bytes, event } = queued;
        let encoded = EncodedValue::Queued(bytes as u64);
        let Ended { written, entry, stored_at } = self.end(value.into(), Some(encoded), event).await;
        let log = &self.collection.engine.log;
        let position = match (entry, written.invalidation) {
            // The value has this name, and perhaps others. So its position is also that of the key.
            (Some(_), _) if stored_at.is_some() => stored_at,
            (Some(entry), _) => {
                let names = Names::of_value(self.name(), &[]);
                log.read(|tail| tail.written_position(&self.began, &entry, &names))
            }
            (None, InvalidationOutcome::Applied) => None,
            (None, InvalidationOutcome::Deferred) => {
                let local = log.position().watermark.local;
                let watermark = Watermark { local, ..self.began.watermark };
                Some(Position { incarnation: self.began.incarnation, watermark })
            }
        };
        (written, position)
    }

    async fn end(
        &mut self,
        value: Option<V>,
        encoded: Option<EncodedValue>,
        event: Option<LoggedEvent>,
    ) -> Ended<V> {
        let value = value.map(Arc::new);
        let (invalidation, entry) = self.invalidate(event).await;
        #[cfg(larder_broken = "write-through-deferred")]
        let entry = entry.or(Some(NO_ENTRY));
        let stored_at = entry.and_then(|entry| self.store(value.clone(), encoded, &entry));
        let is_cached = stored_at.is_some();
        self.collection.counters.written(is_cached);
        Ended { written: Written { value, invalidation, is_cached }, entry, stored_at }
    }

    /// Invalidates the value after a write that failed, and waits for that.
    ///
    /// The database may have committed the write before it failed.
    pub(super) async fn abort(mut self) {
        let _ = self.invalidate(None).await;
    }

    /// Forgets a write that certainly has no effect. Nothing is invalidated.
    pub(super) fn forget(mut self) {
        self.is_finished = true;
    }

    /// Invalidates what the write names. `event` is that of its key, if it is appended already.
    async fn invalidate(&mut self, event: Option<LoggedEvent>) -> (InvalidationOutcome, Option<Appended>) {
        let Collection { engine, options, functions, .. } = &*self.collection;
        let appended = match (options.kind, &self.text) {
            (CollectionKind::WriteBehind, Some(key)) if functions.also_invalidates.is_none() => match event {
                Some(event) => apply_logged_key(engine, key, event).await,
                None => append_queued_key(engine, key).await,
            },
            // Boxed, so that the common case does not need its size.
            (CollectionKind::WriteBehind, _) => Box::pin(append_queued_write(engine, self.names())).await,
            _ => append_invalidation(engine, self.names()).await,
        };
        self.is_finished = true;
        (appended.outcome, appended.entry)
    }

    /// Returns what the write invalidates.
    fn names(&self) -> Invalidation {
        self.collection.names_of_write(self.name(), Some(&self.key))
    }

    /// Returns the text that names the value in an invalidation.
    fn name(&self) -> &str {
        self.text.as_deref().unwrap_or(NO_KEY)
    }

    /// Stores the value under the position of the write's own event (rule 18).
    ///
    /// Encodes it, unless its encoded form is given. Returns its position if it was stored.
    fn store(
        &self,
        value: Option<Arc<V>>,
        encoded: Option<EncodedValue>,
        entry: &Appended,
    ) -> Option<Position> {
        let collection = &self.collection;
        let engine = &collection.engine;
        if engine.value_bypass().is_some() {
            return None;
        }
        let text = self.text.clone()?;
        let Some(lifetime) = collection.options.lifetime_of(value.is_some()) else {
            collection.counters.store_decision(Err(NotStored::NoLifetime));
            return None;
        };
        let names = collection.names(&text, &self.key, value.as_deref());
        let position = self.position(entry, &names)?;
        let encoded = encoded.unwrap_or_else(|| collection.encode(&text, value.as_deref()));
        let new = NewValue {
            value,
            text: Box::from(&*text),
            names,
            position,
            // Rule 18: "The value has no `filled_at` of its own: rule 10 judges it as if it had
            // been promoted."
            filled_at: None,
            loaded_at: engine.clock.wall(),
            lifetime: collection.options.varied(lifetime),
            cost: self.last_cost(),
        };
        let now = engine.clock.boot();
        let cached = collection.to_cached(new, &encoded, now);
        note_use(|| cached.used());
        if !collection.insert(&self.key, &cached, now) {
            return None;
        }
        // Other instances read a value that waits in a queue from there. Its flush ends with
        // another invalidation, so a copy in the store would be useless after a moment.
        let form = collection.shared_form(&cached, encoded).unwrap_or_else(|reason| {
            collection.counters.not_shared(reason);
            None
        });
        let is_kept = collection.record_kept(&self.key, &cached, form.is_some());
        if let Some(form) = form {
            engine.background.spawn(share_value(Arc::clone(engine), form, None));
        }
        is_kept.then_some(position)
    }

    /// Returns the position under which the value may be stored.
    ///
    /// Two kinds of special builds break rule 18 here on purpose. `cargo xtask torture` must find
    /// the violations.
    fn position(&self, entry: &Appended, names: &Names) -> Option<Position> {
        let log = &self.collection.engine.log;
        let position = log.read(|tail| tail.written_position(&self.began, entry, names));
        #[cfg(larder_broken = "write-through-unchecked")]
        let position = position.or({
            let watermark = Watermark { log: entry.id, ..self.began.watermark };
            Some(Position { incarnation: entry.incarnation, watermark })
        });
        #[cfg(larder_broken = "write-through-deferred")]
        let position = position.or_else(|| (*entry == NO_ENTRY).then(|| log.position()));
        position
    }

    /// Returns how long the last load of the value took, if that is known.
    ///
    /// It decides how early the value is refreshed.
    fn last_cost(&self) -> Duration {
        self.collection.in_memory(&self.key).map_or(Duration::ZERO, |cached| cached.meta.cost)
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> Drop for PendingWrite<K, V> {
    fn drop(&mut self) {
        if !self.is_finished {
            invalidate_now(&self.collection.engine, &self.names());
        }
    }
}

impl<K: ValueKey, V: Send + Sync + 'static> fmt::Debug for PendingWrite<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingWrite").field("collection", &self.collection.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::table::Verdict;
    use larder_core::store::StoreErrorKind;
    use larder_testing::MemoryStore;

    use super::*;
    use crate::cache::Cache;
    use crate::testing::soon;
    use crate::values::Values;
    use crate::values::value_key::key_name;

    const FORM: QueuedForm = QueuedForm { bytes: 3, event: None };

    struct App {
        store: MemoryStore,
        names: Values<u64, String>,
        /// The same collection on another instance.
        other: Values<u64, String>,
    }

    impl App {
        async fn start() -> Self {
            let store = MemoryStore::default();
            let names = async |store: &MemoryStore| {
                let cache = Cache::builder().shared_store(store.clone()).build();
                cache.ready(Duration::from_secs(20)).await.unwrap();
                cache.values("name").build().unwrap()
            };
            Self { names: names(&store).await, other: names(&store).await, store }
        }

        /// Waits until this instance has read the log up to the other one's position.
        async fn catches_up(&self) {
            let reached = self.other.collection.engine.log.position();
            let log = &self.names.collection.engine.log;
            soon(async {
                while log.position().watermark.log < reached.watermark.log {
                    tokio::task::yield_now().await;
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
            .await;
        }

        fn is_refused(&self, position: &Position) -> bool {
            let engine = &self.names.collection.engine;
            let names = Names::of_value(&key_name("name", &7_u64), &[]);
            engine.log.read(|tail| tail.check(position, &names, engine.clock.boot())) == Verdict::Refused
        }
    }

    #[tokio::test]
    async fn the_position_of_a_write_is_refused_by_the_next_event_of_its_key() {
        let app = App::start().await;
        let (written, position) = app.names.begin_write(&7).finish_queued("Ada".to_owned(), FORM).await;
        let position = position.unwrap();
        assert!(written.is_cached() && !app.is_refused(&position));
        let _ = app.other.invalidate(&8).await;
        app.catches_up().await;
        assert!(!app.is_refused(&position));
        let _ = app.other.invalidate(&7).await;
        app.catches_up().await;
        assert!(app.is_refused(&position));
    }

    #[tokio::test]
    async fn a_write_that_another_instance_overlapped_has_no_position() {
        let app = App::start().await;
        let write = app.names.begin_write(&7);
        let _ = app.other.invalidate(&7).await;
        assert_eq!(write.finish_queued("Ada".to_owned(), FORM).await.1, None);
    }

    /// The event of the other instance lies between the beginning of the write and its deferral.
    #[tokio::test]
    async fn the_position_of_a_deferred_write_covers_only_the_write() {
        let app = App::start().await;
        let (overlapped, alone) = (app.names.begin_write(&7), app.names.begin_write(&7));
        app.store.fail(StoreErrorKind::Timeout);
        let (_, position) = alone.finish_queued("Ada".to_owned(), FORM).await;
        assert!(!app.is_refused(&position.unwrap()));
        app.store.heal();
        let _ = app.other.invalidate(&7).await;
        app.catches_up().await;
        app.store.fail(StoreErrorKind::Timeout);
        let (written, position) = overlapped.finish_queued("Bob".to_owned(), FORM).await;
        assert_eq!(written.invalidation(), InvalidationOutcome::Deferred);
        assert!(app.is_refused(&position.unwrap()));
    }
}
