//! Reading one's own writes: the tokens that requests bring and responses carry.

use http::HeaderMap;
use larder_core::log::tail::Tail;

use crate::http::layer_state::LayerState;
use crate::http::policy::read_your_writes::RequestToken;

/// What has to be done for a request before it is looked up, or how it is.
pub(crate) enum BeforeLookup {
    /// The log has to be read as far as this.
    AwaitToken(RequestToken),
    /// It may be answered by what was made for an equivalent query.
    EquivalentQueries,
}

/// Puts the request's fields in order where the policy asks for it. Returns why it is not looked up under its key at once.
#[inline]
pub(crate) fn before_lookup(layer: &LayerState, request: &mut HeaderMap) -> Option<BeforeLookup> {
    let before = layer.policy.request_rules.as_ref()?;
    before.normalize(request);
    match token_ahead_of_log(layer, request) {
        Some(brought) => Some(BeforeLookup::AwaitToken(brought)),
        None => layer.policy.matches_equivalent_queries().then_some(BeforeLookup::EquivalentQueries),
    }
}

/// The token that a request brings, if this instance may know less than that says.
fn token_ahead_of_log(layer: &LayerState, request: &mut HeaderMap) -> Option<RequestToken> {
    take_token(layer, request).filter(|brought| match brought {
        Ok(token) => !layer.engine.log.covers(token),
        Err(_) => true,
    })
}

#[inline]
pub(crate) fn take_token(layer: &LayerState, request: &mut HeaderMap) -> Option<RequestToken> {
    layer.policy.own_writes()?.take(request)
}

/// Tells a client what is known here after its write, and `applied` says whether that write is in the log.
pub(crate) fn set_token(
    layer: &LayerState,
    response: &mut HeaderMap,
    brought: Option<RequestToken>,
    applied: bool,
) {
    let Some(own_writes) = layer.policy.own_writes() else { return };
    let log = &layer.engine.log;
    let own = log.read(Tail::token);
    let token = match brought {
        Some(Ok(brought)) => own.after(brought, applied),
        Some(Err(_)) | None => own,
    };
    own_writes.set(&token, response, log.max_staleness());
}

pub(crate) async fn wait_for_token(layer: &LayerState, brought: RequestToken) -> bool {
    match (layer.policy.own_writes(), brought) {
        (Some(own_writes), Ok(token)) => {
            layer.engine.log.wait_for(&token, own_writes.wait, layer.engine.clock.boot()).await
        }
        _ => false,
    }
}
