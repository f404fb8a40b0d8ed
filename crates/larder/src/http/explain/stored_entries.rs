//! The stored responses of both tiers, for one request.

use larder_core::http::reuse::Reuse;
use larder_core::http::vary;
use larder_core::invalidation::refusal::{NameKind, Refusal, RefusalPlace};
use larder_core::invalidation::selector::{Mode, Tag};
use larder_core::key::redact::Redactor;
use larder_core::time::BootTime;

use crate::http::explanation::explained_tier::{ExplainedTier, InvalidatedBy, StoredEntry};
use crate::http::layer_state::LayerState;
use crate::http::lookup::from_store::inspect_shared;
use crate::http::lookup::query_scope::LookupKey;
use crate::http::lookup::reuse::evaluate_reuse_for;
use crate::http::lookup::store_value::StoreValue;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::slot::Slot;
use crate::http::memory::stored_info::{StoredInfo, Viewpoint};

/// Describes stored responses, as of one moment.
pub(super) struct StoredEntries<'a> {
    pub(super) layer: &'a LayerState,
    pub(super) lookup_key: LookupKey<'a>,
    pub(super) redactor: &'a Redactor<'a>,
    pub(super) now: BootTime,
}

const HOLDS: &str = "holds responses";
const NOTHING: &str = "nothing is stored";

impl StoredEntries<'_> {
    /// Returns what the memory tier holds under these keys.
    pub(super) fn in_memory(&self, keys: &[&str]) -> ExplainedTier {
        let memory = &self.layer.http.memory;
        if !memory.is_enabled() {
            return ExplainedTier { state: "off".to_owned(), entries: Vec::new() };
        }
        let slots = keys.iter().flat_map(|key| memory.all_of(key).into_iter().map(move |slot| (*key, slot)));
        let entries: Vec<_> = slots.filter_map(|(key, slot)| self.slot(key, &slot)).collect();
        let state = if entries.is_empty() { NOTHING } else { HOLDS }.to_owned();
        ExplainedTier { state, entries }
    }

    /// Returns what the shared tier holds, as far as it can be read.
    pub(super) async fn in_store(&self) -> ExplainedTier {
        let mut entries = Vec::new();
        let state = match inspect_shared(self.layer, self.lookup_key).await {
            Ok(StoreValue::Response(cached)) => {
                entries.push(self.response(&cached));
                HOLDS
            }
            Ok(StoreValue::OtherVariant | StoreValue::VaryFields(_)) => "holds other variants",
            Ok(StoreValue::Absent) => NOTHING,
            Ok(StoreValue::Redirect) => "holds a hint about equivalent queries",
            Ok(StoreValue::OtherVersion) => "holds a value of another version of Larder",
            Ok(StoreValue::Unreadable) => "holds a value that cannot be read",
            Err(Some(reason)) => reason.as_str(),
            Err(None) => "off",
        };
        ExplainedTier { state: state.to_owned(), entries }
    }

    fn slot(&self, key: &str, slot: &Slot) -> Option<StoredEntry> {
        match slot {
            Slot::Response(cached) => Some(self.response(cached)),
            Slot::HitForMiss { until } if self.now < *until => Some(StoredEntry {
                key: self.redactor.key(key),
                is_selected: true,
                response: None,
                hit_for_miss: Some(until.saturating_since(self.now)),
                verdict: "hit-for-miss".to_owned(),
                invalidated_by: Vec::new(),
            }),
            Slot::HitForMiss { .. } | Slot::Variants(_) => None,
        }
    }

    fn response(&self, cached: &CachedResponse) -> StoredEntry {
        // A response from the shared tier arrived after the moment of this explanation.
        let now = self.now.max(cached.received_at());
        StoredEntry {
            key: self.redactor.key(&cached.meta.key),
            is_selected: vary::matches(cached.meta.selecting(), self.lookup_key.headers),
            response: Some(self.info(cached, now)),
            hit_for_miss: None,
            verdict: self.verdict(cached, now),
            invalidated_by: self.invalidated_by(cached, now),
        }
    }

    /// Describes a response as listings do, and leaves out the credentials of this request too.
    fn info(&self, cached: &CachedResponse, now: BootTime) -> StoredInfo {
        let credentials = &self.layer.http.credentials;
        let view = Viewpoint { log: &self.layer.engine.log, now, credentials };
        let mut info = StoredInfo::of(cached, cached.weight(), view);
        info.key = self.redactor.key(&info.key);
        info.path = self.redactor.text(&info.path);
        info.uris.iter_mut().for_each(|uri| *uri = self.redactor.uri(uri));
        info.tags.iter_mut().for_each(|tag| *tag = Tag::new(self.tag(tag.as_str())));
        for field in &mut info.variant {
            field.value = field.value.as_ref().map(|value| self.redactor.text(value));
        }
        info
    }

    fn tag(&self, tag: &str) -> String {
        shown_tag(self.layer, self.redactor, tag)
    }

    fn verdict(&self, cached: &CachedResponse, now: BootTime) -> String {
        match evaluate_reuse_for(self.layer, self.lookup_key, cached, now) {
            Reuse::Fresh { .. } if cached.satisfies(self.lookup_key.headers) => "fresh".to_owned(),
            Reuse::Fresh { .. } => "partial".to_owned(),
            Reuse::Stale { reason, .. } => format!("stale: {reason}"),
            Reuse::Refused(reason) => format!("refused: {reason}"),
        }
    }

    fn invalidated_by(&self, cached: &CachedResponse, now: BootTime) -> Vec<InvalidatedBy> {
        let (position, log) = (&cached.meta.position, &self.layer.engine.log);
        let mut refusals = log.read(|tail| tail.refusals(position, &cached.meta.names, now));
        let scope = self.lookup_key.scope.filter(|scope| scope.is_equivalent_response(cached));
        if let Some(scope) = scope {
            let own = log.read(|tail| tail.refusals(position, scope.request_names(), now));
            let new: Vec<_> = own.into_iter().filter(|refusal| !refusals.contains(refusal)).collect();
            refusals.extend(new);
        }
        refusals.into_iter().map(|refusal| self.refusal(&refusal)).collect()
    }

    fn refusal(&self, refusal: &Refusal) -> InvalidatedBy {
        let Refusal { kind, name, mode, place, age } = refusal;
        let name = match &**name {
            "" => kind.as_str().to_owned(),
            name => format!("{} {}", kind.as_str(), self.name(*kind, name)),
        };
        let place = match place {
            RefusalPlace::Log(id) => id.to_string(),
            RefusalPlace::Deferred(number) => format!("deferred {number}"),
            RefusalPlace::Elsewhere => "another incarnation".to_owned(),
        };
        InvalidatedBy { name, is_soft: *mode == Mode::Soft, place, age: *age }
    }

    fn name(&self, kind: NameKind, name: &str) -> String {
        match kind {
            NameKind::Tag => self.tag(name),
            NameKind::Key => self.redactor.key(name),
            NameKind::Uri => self.redactor.uri(name),
            _ => self.redactor.text(name),
        }
    }
}

/// Returns a tag as it is shown. A function of the policy may have made it from a credential.
pub(super) fn shown_tag(layer: &LayerState, redactor: &Redactor<'_>, tag: &str) -> String {
    if layer.policy.tag_functions.is_empty() { redactor.text(tag) } else { redactor.words(tag) }
}
