//! Lookups of values: the verdict of the log and the rule for one stored value.

use std::sync::Arc;

use larder_core::invalidation::table::Verdict;
use larder_core::lifetime::permitted_use::Reuse;
use larder_core::outcome::{MissReason, Tier};
use larder_core::time::BootTime;

use crate::engine::fill_scope::FillScope;
use crate::values::cached_value::{CachedValue, StaleValue};
use crate::values::collection_state::Collection;
use crate::values::value_key::ValueKey;

/// The result of a lookup.
pub(super) enum ValueLookup<V> {
    /// A value that may be served.
    Fresh(Arc<CachedValue<V>>, Tier),
    /// A stale value. Under some conditions it may be served.
    Stale(StaleValue<V>),
    /// No usable value.
    Miss(MissReason),
}

impl<K: ValueKey, V: Send + Sync + 'static> Collection<K, V> {
    /// Whether a value in memory is fresh, and the log allows its use.
    #[inline]
    pub(super) fn is_fresh_now(&self, cached: &CachedValue<V>, now: BootTime) -> bool {
        self.engine.log.verdict(cached, now) == (Verdict::Valid, true) && cached.is_fresh(now)
    }

    /// Whether the fill that the current task runs for may use a value, and notes its use if so.
    ///
    /// Most hits have no fill, so this is kept out of their code.
    #[cold]
    pub(super) fn may_use_in_fill(&self, cached: &CachedValue<V>, now: BootTime) -> bool {
        let Some(fill) = FillScope::current() else { return true };
        let is_refused = fill.is_refused_with(&cached.meta.position, &self.engine.log, now);
        if !is_refused {
            fill.note(cached.used());
        }
        !is_refused
    }

    /// Looks a value up in memory, as of now.
    pub(super) fn look_in_memory(&self, key: &K) -> ValueLookup<V> {
        match self.in_memory(key) {
            Some(cached) => self.judge(cached, Tier::Memory, self.engine.clock.boot()),
            None => ValueLookup::Miss(self.absence_reason(key)),
        }
    }

    /// Decides how a value that was found in a tier may be used.
    pub(super) fn judge(&self, cached: Arc<CachedValue<V>>, tier: Tier, now: BootTime) -> ValueLookup<V> {
        match self.permitted_use(&cached, now) {
            Reuse::Fresh { .. } => ValueLookup::Fresh(cached, tier),
            Reuse::Stale { reason, while_revalidate, .. } => {
                ValueLookup::Stale(StaleValue { cached, tier, reason, while_revalidate })
            }
            Reuse::Refused(reason) => ValueLookup::Miss(reason),
        }
    }

    /// Whether a stale value may be served because the load failed.
    ///
    /// This is checked after the failure: the load may have taken a long time, and an invalidation
    /// may have arrived in the meantime.
    pub(super) fn may_serve_on_error(&self, stale: &StaleValue<V>) -> bool {
        let permitted = self.permitted_use(&stale.cached, self.engine.clock.boot());
        matches!(permitted, Reuse::Stale { if_error: true, .. })
    }

    /// Returns the fingerprint of a value in the shared tier that is known to be of no use.
    ///
    /// It is known if memory has the same value, which the log refuses or which is stale. Returns
    /// `None` if a lease may not be claimed without a lookup in the shared tier.
    pub(super) fn known_fingerprint(&self, key: &K) -> Option<[u8; 8]> {
        let known = self.in_memory(key)?;
        let permitted = self.permitted_use(&known, self.engine.clock.boot());
        let is_of_no_use = matches!(
            permitted,
            Reuse::Stale { .. } | Reuse::Refused(MissReason::Invalidated | MissReason::LogRestarted)
        );
        if is_of_no_use && self.engine.may_claim_first() { known.shared_copy.get() } else { None }
    }

    fn permitted_use(&self, cached: &CachedValue<V>, now: BootTime) -> Reuse {
        let log = &self.engine.log;
        if FillScope::current().is_some_and(|fill| fill.is_refused_with(&cached.meta.position, log, now)) {
            return Reuse::Refused(MissReason::Invalidated);
        }
        let (verdict, confirmed) = log.verdict(cached, now);
        match cached.candidate(verdict, confirmed, now).permitted_use() {
            Reuse::Refused(MissReason::Invalidated) => Reuse::Refused(log.refusal_reason(cached)),
            permitted => permitted,
        }
    }
}
