//! One pass over a table in memory, in steps.

use std::ops::ControlFlow;

use tokio::task::yield_now;

/// The number of entries after which other tasks get a turn.
const STEP: usize = 128;

/// Visits all entries of a table.
///
/// The table is locked for each entry alone, and not while this future waits. So requests go on,
/// and may change the table meanwhile.
pub(crate) async fn scan<T>(entries: impl Iterator<Item = T>, mut visit: impl FnMut(T)) {
    scan_until(entries, |entry| {
        visit(entry);
        ControlFlow::Continue(())
    })
    .await;
}

/// Visits entries until a visit ends the pass.
pub(super) async fn scan_until<T>(
    entries: impl Iterator<Item = T>,
    mut visit: impl FnMut(T) -> ControlFlow<()>,
) {
    for (index, entry) in entries.enumerate() {
        if index % STEP == STEP - 1 {
            yield_now().await;
        }
        if visit(entry).is_break() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn other_tasks_get_a_turn_during_a_pass() {
        let visited = Cell::new(0);
        let most = Cell::new(0);
        let pass = scan(0..10 * STEP, |_| visited.set(visited.get() + 1));
        let other = async {
            let mut before = 0;
            while visited.get() < 10 * STEP {
                most.set(most.get().max(visited.get() - before));
                before = visited.get();
                yield_now().await;
            }
        };
        tokio::join!(biased; other, pass);
        assert!(most.get() <= STEP, "{} entries without a turn", most.get());
        assert_eq!(visited.get(), 10 * STEP);
    }
}
