//! Everything in the shared store under one key, and what the log says about it.

use std::time::Duration;

use http::HeaderName;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::invalidation::refusal::{NameKind, Refusal, RefusalPlace};
use larder_core::invalidation::selector::{Mode, Selector};
use larder_core::invalidation::tail::{Limits, Tail};
use larder_core::key::buf::KeyBuf;
use larder_core::key::redact::{redact, redact_uri};
use larder_core::monitoring::{LeaseState, StoredEntry};
use larder_core::store::{StoreError, StoreErrorKind};
use larder_core::stored::wire::Decoded;
use larder_core::stored::{self, StoredResponse, address};
use larder_core::value::{self, StoredValue};

use crate::cache::fleet::{Fleet, cursor, random};
use crate::engine::invalidation_log::view::LogView;
use crate::http::cache_status;
use crate::http::explanation::explained_tier::InvalidatedBy;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::stored_info::{StoredInfo, Viewpoint};
use crate::values::listed_value::{ListedValue as _, ValueInfo, from_store};

/// The maximum number of variants that are read. Each of them comes with its body.
const MAX_VARIANTS: usize = 16;
/// The maximum number of scans for variants.
const MAX_SCANS: usize = 200;
/// How much of the log is kept to compare an entry with it.
const LIMITS: Limits = Limits { rows: 1 << 20, globs: 4_096, outbox: 1 };
/// The confirmation of the log is as new as the inspection.
const CONFIRMED_FOR: Duration = Duration::from_secs(60);

/// Everything that the shared store has under one key.
///
/// Returned by [`Fleet::inspect`]. It has no body and no credential: see [`StoredInfo`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct FleetInspection {
    /// The encoded key, as it may be shown.
    pub key: String,
    /// The stored responses: one, or up to 16 of the variants.
    pub responses: Vec<StoredInfo>,
    /// The stored value.
    pub value: Option<ValueInfo>,
    /// The request fields that the responses vary on.
    pub vary: Vec<HeaderName>,
    /// The number of variants that were found, of which some may not have been read.
    pub variants: u64,
    /// How many entries could not be read: they are damaged, or of another version of Larder.
    pub unreadable: u64,
    /// The lease of the key. `None` if it is free.
    pub lease: Option<LeaseState>,
    /// The invalidations in the log that refuse an entry, or make it stale.
    pub invalidated_by: Vec<InvalidatedBy>,
}

/// The entries under one key, decoded.
#[derive(Default)]
struct Found {
    responses: Vec<Stored<StoredResponse>>,
    value: Option<Stored<StoredValue>>,
    vary: Vec<HeaderName>,
    unreadable: u64,
}

/// A decoded entry, and its size in the store.
struct Stored<T> {
    entry: T,
    bytes: u64,
}

/// The method for a single key.
impl Fleet {
    /// Returns everything that the store has under one key, and what the log says about it.
    ///
    /// `key` is the value of `X-Cache-Key`, or the text that a key template gave. The state of an
    /// entry is that on an instance without rules of its own: rules of a policy may shorten its
    /// lifetime, or let a URI in the log name it as well. This reads the log from the position of
    /// the oldest entry on.
    ///
    /// # Errors
    ///
    /// Returns an error if the store cannot be reached.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder::fleet::Fleet;
    /// use larder::store::StoreError;
    ///
    /// async fn print(fleet: &Fleet) -> Result<(), StoreError> {
    ///     let found = fleet.inspect("u|http|shop.example|/products/42").await?;
    ///     for response in found.responses {
    ///         println!("{}: {}", response.status, response.state.as_str());
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub async fn inspect(&self, key: &str) -> Result<FleetInspection, StoreError> {
        let key = encoded(key);
        let mut found = Found::default();
        self.read(&mut found, &key, &address::primary(&key)).await?;
        let variants = if found.vary.is_empty() { Vec::new() } else { self.variants_of(&key).await? };
        for variant in variants.iter().take(MAX_VARIANTS) {
            self.read(&mut found, &key, variant).await?;
        }
        let lease = match self.store.lease(&address::primary(&key)).await {
            Err(error) if error.kind() == StoreErrorKind::Unsupported => None,
            lease => lease?,
        };
        let log = self.read_log(oldest(&found)).await?;
        let mut inspection = self.describe(found, &log);
        inspection.key = redact(&key).into_owned();
        (inspection.variants, inspection.lease) = (variants.len() as u64, lease);
        Ok(inspection)
    }

    async fn read(&self, found: &mut Found, key: &str, address: &str) -> Result<(), StoreError> {
        if let Some(entry) = self.store.entry(address).await? {
            found.add(key, entry);
        }
        Ok(())
    }

    /// Returns the addresses of the variants of a key.
    async fn variants_of(&self, key: &str) -> Result<Vec<String>, StoreError> {
        let (selector, primary) = (Selector::Key(key.into()), address::primary(key));
        let (mut addresses, mut from) = (Vec::new(), None);
        for _ in 0..MAX_SCANS {
            let page = self.store.find_entries(&selector, from).await?;
            addresses.extend(page.addresses.into_iter().filter(|address| *address != primary));
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        addresses.sort();
        addresses.dedup();
        Ok(addresses)
    }

    /// Reads the log after a position, or only its end if the log has another incarnation.
    async fn read_log(&self, after: Option<Position>) -> Result<LogView, StoreError> {
        let mut tail = Tail::following(random(), LIMITS);
        let mut next = match after {
            Some(after) => cursor(after.incarnation, after.watermark.log, 0),
            None => cursor(random(), Default::default(), 0),
        };
        loop {
            let sent = self.clock.boot();
            let applied = tail.apply_page(&self.poll(next).await?, sent);
            if !applied.poll_again {
                return Ok(LogView::new(tail, CONFIRMED_FOR));
            }
            let position = tail.position();
            next = cursor(position.incarnation, position.watermark.log, 0);
        }
    }

    fn describe(&self, found: Found, log: &LogView) -> FleetInspection {
        let mut inspection = FleetInspection { unreadable: found.unreadable, ..Default::default() };
        for Stored { entry, bytes } in found.responses {
            self.add_refusals(&mut inspection, log, &entry.meta.position, &entry.meta.names);
            inspection.responses.push(self.response(entry, bytes, log));
        }
        inspection.value = found.value.map(|Stored { entry, bytes }| {
            self.add_refusals(&mut inspection, log, &entry.meta.position, &entry.meta.names);
            let value = from_store(entry, 0, &self.calendar, &*self.clock);
            value.describe(bytes, log, self.clock.boot())
        });
        inspection.vary = found.vary;
        inspection
    }

    fn response(&self, mut stored: StoredResponse, bytes: u64, log: &LogView) -> StoredInfo {
        stored.meta.position.watermark.local = 0;
        stored.meta.response_time = self.calendar.to_own(stored.meta.response_time);
        let now = self.clock.boot();
        let cached = CachedResponse::from_store(stored, self.clock.wall(), now);
        StoredInfo::of(&cached, bytes, Viewpoint { log, now, credentials: &[] })
    }

    fn add_refusals(
        &self,
        inspection: &mut FleetInspection,
        log: &LogView,
        position: &Position,
        names: &Names,
    ) {
        let refusals = log.read(|tail| tail.refusals(position, names, self.clock.boot()));
        for refusal in refusals.iter().map(shown) {
            if !inspection
                .invalidated_by
                .iter()
                .any(|known| known.place == refusal.place && known.name == refusal.name)
            {
                inspection.invalidated_by.push(refusal);
            }
        }
    }
}

impl Found {
    fn add(&mut self, key: &str, entry: StoredEntry) {
        let StoredEntry { value: bytes, size } = entry;
        match stored::wire::decode_after(cache_status::reserved(), bytes.clone(), key) {
            Ok(Decoded::Response(entry)) => self.responses.push(Stored { entry, bytes: size }),
            Ok(Decoded::Variants(fields)) => self.vary = fields.into_vec(),
            // It leads to the key of another response.
            Ok(Decoded::VariationHint(_)) => {}
            Err(_) => match value::wire::decode(bytes, key) {
                Ok(entry) => self.value = Some(Stored { entry, bytes: size }),
                Err(_) => self.unreadable += 1,
            },
        }
    }
}

/// Returns the encoded key that this text stands for, which may be that of a key template.
fn encoded(text: &str) -> Box<str> {
    if ["u|", "k|", "v|"].iter().any(|kind| text.starts_with(kind)) {
        return text.into();
    }
    let mut key = KeyBuf::new();
    key.template(text);
    key.as_str().unwrap_or(text).into()
}

/// Returns the oldest position of what was found. Of several incarnations, any.
fn oldest(found: &Found) -> Option<Position> {
    let responses = found.responses.iter().map(|stored| stored.entry.meta.position);
    let values = found.value.iter().map(|stored| stored.entry.meta.position);
    responses.chain(values).min_by_key(|position| position.watermark.log)
}

fn shown(refusal: &Refusal) -> InvalidatedBy {
    let Refusal { kind, name, mode, place, age } = refusal;
    let text = match kind {
        NameKind::Key => redact(name),
        NameKind::Uri => redact_uri(name),
        _ => name.as_ref().into(),
    };
    let name = if text.is_empty() { kind.as_str().to_owned() } else { format!("{} {text}", kind.as_str()) };
    let place = match place {
        RefusalPlace::Log(id) => id.to_string(),
        // A reader of the log defers nothing.
        RefusalPlace::Deferred(_) | RefusalPlace::Elsewhere => "another incarnation".to_owned(),
    };
    InvalidatedBy { name, is_soft: *mode == Mode::Soft, place, age: *age }
}
