//! A gate at which calls, bodies or bytes wait until the test opens it.

use std::sync::Arc;

use tokio::sync::watch;

/// A gate at which calls, bodies or bytes on the wire wait until the test opens it.
///
/// Clones are the same gate. It starts closed, and stays open once it was opened. Waiting has no
/// time limit of its own.
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

    /// Lets through everything that waits here, and everything that comes later.
    pub fn open(&self) {
        self.state.send_modify(|state| state.open = true);
    }

    /// Waits until at least `count` arrivals have been seen at this gate.
    ///
    /// All arrivals since the creation of the gate count, whether or not they still wait.
    pub async fn arrived(&self, count: usize) {
        self.wait_for(|state| state.arrived >= count).await;
    }

    /// Arrives at the gate, and waits until it is open.
    ///
    /// It is for handlers and bodies of the test's own.
    pub async fn pass(&self) {
        self.state.send_modify(|state| state.arrived += 1);
        self.wait_for(|state| state.open).await;
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.borrow().open
    }

    async fn wait_for(&self, condition: impl FnMut(&State) -> bool) {
        // This fails only if the sender is gone, and `self` is the sender.
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
    async fn arrivals_wait_until_the_gate_opens() {
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
    async fn a_wait_for_two_arrivals_does_not_end_after_one() {
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
