//! The steps before a lookup, and the tokens by which clients see their own writes.

use http::HeaderMap;
use larder_core::invalidation::tail::Tail;

use crate::engine::shared::Engine;
use crate::http::layer_state::LayerState;
use crate::http::lookup::eligibility::RequestTraits;
use crate::http::policy::read_your_writes::{ReadYourWrites, RequestToken};

/// The reason why a request cannot be looked up under its key at once.
pub(crate) enum BeforeLookup {
    /// This instance first has to read the invalidation log up to this token.
    AwaitToken(RequestToken),
    /// A response to an equivalent query may answer the request, its response reports how it was
    /// served, or it may be coded.
    Extended,
}

/// Normalizes the request's fields if the policy says so, and looks for further credentials.
///
/// Returns `None` if the request can be looked up under its key at once.
#[inline]
pub(crate) fn before_lookup(
    layer: &LayerState,
    request: &mut HeaderMap,
    traits: &mut RequestTraits,
) -> Option<BeforeLookup> {
    let before = layer.policy.request_rules.as_ref()?;
    before.normalize(request);
    traits.credentials.field = before.has_credential_field(request);
    match token_ahead_of_log(layer, request) {
        Some(token) => Some(BeforeLookup::AwaitToken(token)),
        None if before.served_extension
            || !layer.policy.codings().is_empty()
            || layer.policy.matches_equivalent_queries() =>
        {
            Some(BeforeLookup::Extended)
        }
        None => None,
    }
}

/// Returns the request's token, unless this instance has certainly read the log up to it.
fn token_ahead_of_log(layer: &LayerState, request: &mut HeaderMap) -> Option<RequestToken> {
    take_token(layer, request).filter(|token| match token {
        Ok(token) => !layer.engine.log.covers(token),
        Err(_) => true,
    })
}

/// Removes the token from a request and returns it, if the policy uses tokens.
#[inline]
pub(crate) fn take_token(layer: &LayerState, request: &mut HeaderMap) -> Option<RequestToken> {
    layer.policy.own_writes()?.take(request)
}

/// Puts a token into the response to a write.
///
/// The token states how much of the log this instance has read. It is combined with
/// `request_token`, the token of the request. `applied` states whether the invalidation by this
/// write is in the log.
pub(crate) fn set_token(
    layer: &LayerState,
    response: &mut HeaderMap,
    request_token: Option<RequestToken>,
    applied: bool,
) {
    if let Some(own_writes) = layer.policy.own_writes() {
        set_token_of(&layer.engine, own_writes, response, request_token, applied);
    }
}

/// Puts a token into the response to a write, in the carrier of these options.
pub(crate) fn set_token_of(
    engine: &Engine,
    own_writes: &ReadYourWrites,
    response: &mut HeaderMap,
    request_token: Option<RequestToken>,
    applied: bool,
) {
    let log = &engine.log;
    let own = log.read(Tail::token);
    let token = match request_token {
        Some(Ok(earlier)) => own.merge_after(earlier, applied),
        Some(Err(_)) | None => own,
    };
    own_writes.set(&token, response, log.max_staleness());
}

/// Waits until this instance has read the log up to a token. Returns whether it has.
///
/// The policy limits the wait. Returns `false` at once if the request had an invalid token.
pub(crate) async fn wait_for_token(layer: &LayerState, token: RequestToken) -> bool {
    match (layer.policy.own_writes(), token) {
        (Some(own_writes), Ok(token)) => {
            if !layer.engine.log.covers(&token) {
                layer.engine.news_wanted.notify_one();
            }
            layer.engine.log.wait_for(&token, own_writes.wait, layer.engine.clock.boot()).await
        }
        _ => false,
    }
}
