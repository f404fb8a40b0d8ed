//! A gate at which calls wait until a test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate at which calls, bodies or bytes on the wire wait until the test opens it. Clones are the
/// same gate.
///
/// It starts closed, and stays open once it is opened. Waiting has no time limit.
#[derive(Debug, Clone)]
pub struct Gate {
    state: Arc<watch::Sender<State>>,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    arrived: usize,
}

impl Gate {
    /// Creates a closed gate.
    #[must_use]
    pub fn new() -> Self {
        Self { state: Arc::new(watch::Sender::new(State::default())) }
    }

    /// Opens the gate for everything that waits here, and for later arrivals.
    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until at least `count` arrivals have happened since the gate was created, including
    /// those that have passed.
    pub async fn arrived(&self, count: usize) {
        self.wait_for(|state| state.arrived >= count).await;
    }

    /// Arrives here, and waits until the gate is open. Use this in your own handlers and bodies.
    pub async fn pass(&self) {
        self.state.send_modify(|state| state.arrived += 1);
        self.wait_for(|state| state.open).await;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.borrow().open
    }

    async fn wait_for(&self, condition: impl FnMut(&State) -> bool) {
        // This fails only if the sender is dropped, and `self` owns the sender.
        let _ = self.state.subscribe().wait_for(condition).await;
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_arrival_waits_until_the_gate_opens() {
        let gate = Gate::new();
        let waiting: Vec<_> = (0..3)
            .map(|_| {
                let gate = gate.clone();
                tokio::spawn(async move { gate.pass().await })
            })
            .collect();
        gate.arrived(3).await;
        assert!(waiting.iter().all(|task| !task.is_finished()));

        gate.open();
        for task in waiting {
            task.await.unwrap();
        }
        gate.pass().await;
        gate.arrived(4).await;
    }

    #[tokio::test]
    async fn a_wait_for_two_arrivals_is_not_ended_by_one() {
        let gate = Gate::new();
        let both = tokio::spawn({
            let gate = gate.clone();
            async move { gate.arrived(2).await }
        });
        gate.open();
        gate.pass().await;
        tokio::task::yield_now().await;
        assert!(!both.is_finished());
        gate.pass().await;
        both.await.unwrap();
    }
}
