//! Stale responses that are served at once, because they are being refreshed already.

use http::request::Parts;
use larder_core::outcome::{Outcome, StaleReason, Tier};
use larder_core::time::BootTime;
use tracing::Level;
use tracing::level_filters::LevelFilter;

use crate::http::lookup::Lookup;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::serve;
use crate::http::serve::full_response::FullResponse;
use crate::http::service::cache_service::CacheService;

impl<S: Clone> CacheService<S> {
    /// Serves a stale response from memory while another request refreshes it.
    ///
    /// This is what the steps of a miss would come to, without the names of the request, a future
    /// on the heap and a span: a popular response gets many requests while it is refreshed. Returns
    /// `None` if the response is another one, or if the request may need those steps.
    #[inline(never)]
    pub(super) fn serve_while_refreshed(
        &self,
        traits: RequestTraits,
        parts: &Parts,
        lookup: &Lookup,
        now: BootTime,
    ) -> Option<FullResponse> {
        let layer = self.layer();
        let stale = match lookup {
            Lookup::Stale(stale) if stale.while_revalidate && stale.tier == Tier::Memory => stale,
            _ => return None,
        };
        let needs_steps = layer.policy.store.honor_request
            || LevelFilter::current() >= Level::DEBUG
            || !stale.cached.is_being_refreshed()
            || !self.is_plain(parts);
        if needs_steps {
            return None;
        }
        let outcome = Outcome::Stale(stale.tier, StaleReason::WhileRevalidate);
        let response = serve::stale_hit(layer, traits, parts, &stale.cached, outcome, now)?;
        serve::record_stale_hit(layer, parts, &stale.cached, outcome, now);
        Some(response)
    }
}
