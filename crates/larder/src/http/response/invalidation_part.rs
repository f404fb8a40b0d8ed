//! The invalidation that a response carries.

use std::sync::Arc;

use http::{Extensions, Response};

use crate::engine::invalidate::append::invalidate;
use crate::engine::invalidation_log::invalidation::Invalidation;
use crate::engine::shared::Engine;

/// Returns the invalidation in a response, as far as this cache has not acted on it yet.
///
/// The caller has to carry it out. The part stays in the response: a layer further out may belong
/// to another cache.
pub(crate) fn claim_invalidation(engine: &Arc<Engine>, extensions: &mut Extensions) -> Option<Invalidation> {
    extensions.get_mut::<Invalidation>()?.claim(Arc::as_ptr(engine).addr())
}

/// Carries out the invalidation in a response, if this cache has not done so yet.
///
/// The future of an invalidation is boxed, because most responses have none.
pub(crate) async fn apply_invalidation<B>(engine: &Arc<Engine>, mut response: Response<B>) -> Response<B> {
    if let Some(invalidation) = claim_invalidation(engine, response.extensions_mut()) {
        let _ = Box::pin(invalidate(engine, invalidation)).await;
    }
    response
}
