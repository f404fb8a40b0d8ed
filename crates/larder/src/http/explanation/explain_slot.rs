//! The place where a layer leaves the explanation of a request.

use std::sync::{Arc, Mutex, PoisonError};

use super::answer::Explanation;
use crate::engine::shared::Engine;

/// The place where a layer leaves the explanation of a request.
///
/// It travels in an extension of the request whose type only this crate knows. So no client and no
/// other code can ask for an explanation, or read it.
#[derive(Clone)]
pub(crate) struct ExplainSlot(Arc<Slot>);

struct Slot {
    /// The cache that is asked.
    engine: Arc<Engine>,
    answer: Mutex<Option<Explanation>>,
}

impl ExplainSlot {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self(Arc::new(Slot { engine, answer: Mutex::default() }))
    }

    /// Whether this cache is the one that is asked.
    pub(crate) fn asks(&self, engine: &Arc<Engine>) -> bool {
        Arc::ptr_eq(&self.0.engine, engine)
    }

    /// Leaves an explanation. The one of a layer further in replaces it.
    pub(crate) fn put(&self, explanation: Explanation) {
        *self.0.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(explanation);
    }

    /// Returns the explanation.
    pub(crate) fn take(&self) -> Option<Explanation> {
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
