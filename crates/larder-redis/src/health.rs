//! How Redis is doing, shared by all calls: the circuit breaker, and what is said about trouble.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use larder_core::store::{StoreError, StoreErrorKind};
use tokio::time::Instant;

use crate::circuit::{Circuit, Leave};
use crate::trouble::{Concern, Trouble};

/// The state of one store's Redis. While all is well, a call costs two relaxed loads.
#[derive(Debug)]
pub(crate) struct Health {
    address: Box<str>,
    /// Whether the circuit is closed without a timeout lately, so that the lock can be left alone.
    calm: AtomicBool,
    circuit: Mutex<Circuit>,
    troubled: AtomicBool,
    trouble: Mutex<Trouble>,
}

impl Health {
    pub(crate) fn new(address: impl Into<Box<str>>) -> Self {
        Self {
            address: address.into(),
            calm: AtomicBool::new(true),
            circuit: Mutex::new(Circuit::NEW),
            troubled: AtomicBool::new(false),
            trouble: Mutex::default(),
        }
    }

    /// Leave to call, or the error that says that the circuit is open.
    pub(crate) fn admit(&self) -> Result<Leave, StoreError> {
        if self.calm.load(Ordering::Relaxed) {
            return Ok(Leave::Ordinary);
        }
        lock(&self.circuit)
            .admit(Instant::now())
            .ok_or_else(|| StoreError::new(StoreErrorKind::CircuitOpen, ""))
    }

    /// Takes in how a call went. Says whether its timeout opened the circuit.
    pub(crate) fn settle(&self, leave: Leave, error: Option<&StoreError>) -> bool {
        if error.is_none() && self.calm.load(Ordering::Relaxed) {
            return false;
        }
        let mut circuit = lock(&self.circuit);
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

    /// Something worked.
    pub(crate) fn worked(&self, concern: Concern) {
        if !self.troubled.load(Ordering::Relaxed) {
            return;
        }
        let mut trouble = lock(&self.trouble);
        if trouble.worked(concern, Instant::now()) {
            tracing::info!(redis = &*self.address, "Redis is well again");
        }
        self.troubled.store(trouble.any(), Ordering::Relaxed);
    }

    /// Something failed that an operator may have to see to.
    pub(crate) fn failed(&self, concern: Concern, why: &dyn std::fmt::Display) {
        let mut trouble = lock(&self.trouble);
        self.troubled.store(true, Ordering::Relaxed);
        if trouble.failed(concern, Instant::now()) {
            tracing::warn!(redis = &*self.address, "trouble with Redis: {why}");
        } else {
            tracing::debug!(redis = &*self.address, "still trouble with Redis: {why}");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks can be left half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
