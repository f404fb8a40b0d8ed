//! The users of requests, verified in a layer around the cache.
//!
//! A hit runs no handler and no extractor, so an extractor cannot keep a session that has ended
//! from its stored responses. [`identify`] runs for every request, and the cache knows a user only
//! from the [`SignedIn`] that it leaves.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

use crate::errors::Error;
use crate::extract::{Bearer, Id};

/// The sessions that have ended.
///
/// A real application has its sessions in a store that instances share, or verifies signatures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<BTreeSet<Box<str>>>>);

/// The user of a request whose session was verified.
#[derive(Debug, Clone)]
pub(crate) struct SignedIn {
    pub(crate) user: Id,
    session: Box<str>,
}

impl Sessions {
    /// Ends the session of this request.
    pub(crate) fn end(&self, signed_in: &SignedIn) {
        self.ended().insert(signed_in.session.clone());
    }

    fn verify(&self, Bearer { user, token }: Bearer) -> Option<SignedIn> {
        (!self.ended().contains(&token)).then_some(SignedIn { user, session: token })
    }

    fn ended(&self) -> MutexGuard<'_, BTreeSet<Box<str>>> {
        // No change under this lock can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Verifies the session of a request, and leaves the user for the cache and the handler.
///
/// # Errors
///
/// Fails if the request has no token, or if its session has ended.
pub(crate) async fn identify(
    State(sessions): State<Sessions>,
    mut request: Request,
    next: Next,
) -> Result<Response, Error> {
    let bearer = Bearer::of(request.headers()).ok_or(Error::Unauthorized)?;
    let signed_in = sessions.verify(bearer).ok_or(Error::Unauthorized)?;
    request.extensions_mut().insert(signed_in);
    Ok(next.run(request).await)
}
