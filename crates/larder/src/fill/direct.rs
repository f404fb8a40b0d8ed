//! Answering from the shared tier where nothing is kept in memory.

use std::sync::Arc;

use http::Request;
use http::request::Parts;
use larder_core::outcome::{BypassReason, MissReason, Outcome};
use tracing::Instrument as _;

use super::ask::Ask;
use super::join::answer;
use super::refresh::refresh_early;
use crate::log::start;
use crate::lookup::Known;
use crate::serve;
use crate::service::inner::{Answer, Inner};
use crate::service::plan::Look;
use crate::service::route::Route;

/// Asks the shared tier before anything is made ready for a fill. Nothing that others could find in memory would come of
/// it, so that no flight is begun for the question.
pub(crate) async fn answer_directly<S, Q>(
    route: Arc<Route>,
    mut inner: S,
    request: Request<Q>,
    look: Look,
    key: Box<str>,
    missing: MissReason,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    start(&route.cache);
    let (mut parts, body) = request.into_parts();
    let known = match route.look_in_shared(&key, &parts.headers, missing).await {
        Known::Fresh(held, tier) if route.is_due(&held, route.cache.clock.boot()) => {
            let now = route.cache.clock.boot();
            let response = serve::fresh(&route, look, &key, &parts, &held, tier, now).into_response();
            refresh_early(&route, inner, (parts, body), look, &key, (held, tier));
            return Ok(response);
        }
        Known::Fresh(held, tier) => {
            return Ok(serve::unshared(&route, look, &key, &parts, held, tier).into_response());
        }
        known => known,
    };
    match Ask::new(&route, look, &key, &mut parts) {
        Ok(ask) => {
            let span = ask.span.clone();
            // Boxed, as a hit would otherwise carry the whole of a fill's state about.
            let fill = answer(route, inner, Request::from_parts(parts, body), ask, known);
            Box::pin(fill.instrument(span)).await
        }
        Err(reason) => Box::pin(past(&route, &mut inner, parts, body, reason)).await,
    }
}

/// Passes on a request that turns out not to be for the cache.
pub(crate) async fn past<S, Q>(
    route: &Route,
    inner: &mut S,
    parts: Parts,
    body: Q,
    reason: BypassReason,
) -> Answer<S::Body, S::Error>
where
    S: Inner<Q>,
    Q: Send + 'static,
{
    let outcome = Outcome::Bypass(reason);
    route.answered_at_once(&parts, "", outcome);
    let response = inner.call(Request::from_parts(parts, body)).await?;
    Ok(serve::past(response, outcome))
}
