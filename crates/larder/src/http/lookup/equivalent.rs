//! Looking for a request's response, and for those to equivalent queries.

use http::request::Parts;
use larder_core::http::reuse::Reuse;
use larder_core::outcome::MissReason;
use larder_core::stored::address;
use larder_core::stored::wire::{self, Decoded};
use larder_core::time::Boot;

use crate::engine::report::store_health::Exchange;
use crate::http::layer_state::Route;
use crate::http::lookup::Known;
use crate::http::lookup::Seen;
use crate::http::lookup::eligibility::Look;
use crate::http::lookup::query_scope::Search;
use crate::http::lookup::query_scope::Sought;
use crate::http::memory::cached_response::Held;

impl Route {
    /// What this process's memory knows about a request with this key of its own.
    pub(crate) fn look_here(&self, look: Look, exact: &str, parts: &Parts, now: Boot) -> Known {
        match Search::of(self, parts, exact) {
            None => self.look_in_memory(look, exact, &parts.headers, now),
            Some(search) => {
                let key = search.key();
                let sought = Sought { key: &key, headers: &parts.headers, search: Some(&search) };
                Self::admit(look, self.find(sought, now))
            }
        }
    }

    /// What this process's memory knows about what is sought: what answers equivalent queries first.
    pub(crate) fn find(&self, sought: Sought<'_>, now: Boot) -> Known {
        let Sought { key, headers, search: Some(search) } = sought else {
            return self.find_in_memory(sought.key, sought.headers, now);
        };
        let known = self.find_and_weigh(key, headers, now, |held| self.weigh_for(sought, held, now));
        if key == search.exact() || !matches!(known, Known::Missing(_) | Known::Pass) {
            return known;
        }
        match self.find_in_memory(search.exact(), headers, now) {
            Known::Missing(_) => known,
            own => own,
        }
    }

    /// What the log and the rules of reuse say of a stored response, for this request.
    ///
    /// Whoever invalidates a URI is not to be shown under it what was made before, for whichever URI: the names that the
    /// request's own response would have count as well.
    pub(crate) fn weigh_for(&self, sought: Sought<'_>, held: &Held, now: Boot) -> Reuse {
        let Some(search) = sought.search.filter(|search| search.is_of_others(held)) else {
            return self.weigh(held, sought.headers, now);
        };
        let (verdict, confirmed) = self.cache.log.judge(held, now);
        let own = self.cache.log.read(|tail| tail.check(&held.meta.position, search.own(), now));
        self.weigh_by_rule(held, sought.headers, (verdict.and(own), confirmed), now)
    }

    /// What the shared tier knows: under the key that equivalent queries have in common and under the request's own, or, where
    /// the first is not known, under its own, and what that key may be.
    pub(crate) async fn look_for_equivalents(
        &self,
        sought: Sought<'_>,
        search: &Search,
        missing: MissReason,
    ) -> (Known, Option<Seen>) {
        let beside = async {
            if sought.key != search.exact() {
                let own = Sought { key: search.exact(), ..sought };
                return Some(self.look_for_one(own, missing).await.0);
            }
            if search.asks() {
                self.ask_for_variation(search).await;
            }
            None
        };
        // Together: one after the other would make a miss take longer.
        let ((known, seen), beside) = tokio::join!(self.look_for_one(sought, missing), beside);
        match (known, beside) {
            (Known::Missing(_), Some(own @ (Known::Fresh(..) | Known::Stale(_) | Known::Part(_)))) => {
                (own, seen)
            }
            (known, _) => (known, seen),
        }
    }

    /// Learns what another instance, or this one before it was started again, was told of equivalent queries.
    async fn ask_for_variation(&self, search: &Search) {
        let inner = &*self.cache;
        let Some(store) = inner.shared().filter(|_| self.trusted().is_some()) else { return };
        match store.get(&address::variation(search.base())).await {
            Ok(Some(value)) => {
                if let Ok(Decoded::Told(told)) = wire::decode(value, search.base()) {
                    inner.variations.learn(search.base(), told, inner.clock.wall(), inner.clock.boot());
                }
            }
            Ok(None) => {}
            Err(error) => inner.report.store_failed(Exchange::Read, &error, &*inner.clock),
        }
    }
}
