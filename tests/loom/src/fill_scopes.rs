//! The scope of a fill: loads within it note the values that they use, on several threads.

use larder_core::invalidation::position::{LogId, Position, Watermark};
use larder_core::time::BootTime;
use loom::thread;

use crate::flights;

/// The operations of a scope that the scenarios use.
///
/// Both `larder`'s own scope and each version with a mistake implement it.
pub trait Scope: Clone + Send + 'static {
    /// Creates a scope within `outer`.
    fn new(outer: Option<Self>) -> Self;
    /// Notes that a value with this position was used, which is stale from this moment on.
    fn note(&self, position: Position, fresh_until: Option<BootTime>);
    /// Returns what all values that were used allow together.
    fn lowered(&self) -> Option<(Position, Option<BootTime>)>;
}

macro_rules! scopes {
    ($($(#[$doc:meta])* $name:ident $scope:ident),+ $(,)?) => { $(
        // Not all of the source is explored, and mistakes are written briefly.
        #[allow(dead_code, unused_mut, clippy::all)]
        mod $name {
            // In place of tokio's: no scenario has a current scope.
            use crate::sync::tokio;

            include!(concat!(env!("OUT_DIR"), "/fill_scope_", stringify!($name), ".rs"));

            $(#[$doc])*
            #[derive(Clone)]
            pub struct $scope(FillScope);

            impl super::Scope for $scope {
                fn new(outer: Option<Self>) -> Self {
                    Self(FillScope::new(outer.map(|Self(outer)| outer), None))
                }

                fn note(&self, position: Position, fresh_until: Option<BootTime>) {
                    self.0.note(UsedValue { position, filled_at: None, fresh_until });
                }

                fn lowered(&self) -> Option<(Position, Option<BootTime>)> {
                    self.0.lowered().map(|used| (used.position, used.fresh_until))
                }
            }
        }
        pub use self::$name::$scope;
    )+ };
}

scopes! {
    /// The unchanged source.
    sound Sound,
    /// A value is noted in two steps, so another one may be lost.
    notes_in_two_steps NotesInTwoSteps,
}

fn position(log: u64, local: u64) -> Position {
    Position { watermark: Watermark { log: LogId::new(log, 0), local }, ..flights::position() }
}

/// Lets loads on three threads note values. The fill around them is as old as the oldest of these
/// in each part, and each load only as old as its own.
pub fn loads_note_at_once<S: Scope>() {
    let outer = S::new(None);
    let until = |second: u64| Some(BootTime::from_nanos(second * 1_000_000_000));
    let values = [(position(5, 1), None), (position(3, 2), until(9)), (position(9, 9), until(5))];
    let load = |(position, fresh_until)| {
        let inner = S::new(Some(outer.clone()));
        move || {
            inner.note(position, fresh_until);
            assert_eq!(inner.lowered(), Some((position, fresh_until)), "what a load has used");
        }
    };
    let [first, second, third] = values;
    let others = [first, second].map(|value| thread::spawn(load(value)));
    load(third)();
    for other in others {
        let _ = other.join();
    }
    assert_eq!(outer.lowered(), Some((position(3, 1), until(5))), "what the fill has used");
}
