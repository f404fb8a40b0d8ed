//! How Redis is doing, shared by all calls: the circuit breaker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::Instant;

use crate::circuit::{Circuit, Leave};

/// The state of one store's Redis. While all is well, a call costs two relaxed loads.
#[derive(Debug)]
pub(crate) struct Health {
    /// Whether the circuit is closed without a timeout lately, so that the lock can be left alone.
    calm: AtomicBool,
    circuit: Mutex<Circuit>,
}

impl Health {
    pub(crate) const fn new() -> Self {
        Self { calm: AtomicBool::new(true), circuit: Mutex::new(Circuit::NEW) }
    }

    /// Leave to call, or the error that says that the circuit is open.
    pub(crate) fn admit(&self) -> Result<Leave, StoreError> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(Leave::Ordinary);
        }
        self.circuit().admit(Instant::now()).ok_or_else(|| StoreError::new(StoreErrorKind::CircuitOpen, ""))
    }

    /// Takes in how a call went. Says whether its timeout opened the circuit.
    pub(crate) fn settle(&self, leave: Leave, error: Option<&StoreError>) -> bool {
        if error.is_none() && self.calm.load(Ordering::Relaxed) {
            return false;
        }
        let mut circuit = self.circuit();
        let opened = match error.map(StoreError::kind) {
            Some(StoreErrorKind::Timeout) => circuit.timed_out(leave, Instant::now()),
            Some(StoreErrorKind::Unreachable) => {
                circuit.unconnected(leave);
                false
            }
            _ => {
                circuit.answered(leave);
                false
            }
        };
        self.calm.store(circuit.is_calm(), Ordering::Relaxed);
        opened
    }

    fn circuit(&self) -> std::sync::MutexGuard<'_, Circuit> {
        // Nothing under this lock can be left half done.
        self.circuit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
