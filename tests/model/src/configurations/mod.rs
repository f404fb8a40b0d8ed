//! The scopes that are checked.

mod large;
mod small;

use larder_core::invalidation::tail::Limits;

pub use large::large;
pub use small::small;

use crate::scope::{Budget, Scope};
use crate::target::{Selection, hard};

/// One process that invalidates, among others that only fill (mostly P1).
#[must_use]
pub fn here(name: &'static str) -> Scope {
    Scope::named(name).with(|scope| scope.budget.elsewhere = 0)
}

/// One process that learns of invalidations elsewhere (mostly P2).
#[must_use]
pub fn there(name: &'static str) -> Scope {
    Scope::named(name).with(|scope| scope.budget.invalidations = 0)
}

/// A process that invalidates while there are two logs. It may alternate between them forever, so
/// this scope is never exhausted.
#[must_use]
pub fn cut_off_here() -> Scope {
    here("cut off, here").with(|scope| {
        scope.guarded = false;
        scope.budget = Budget { isolations: 1, others_fills: 0, gets: 0, ..scope.budget };
    })
}

/// A scope with folded rows: the first other event folds the URI into its path, and the second one
/// folds it into its directory.
pub(crate) fn folded(scope: Scope, others: u8) -> Scope {
    scope.with(|scope| {
        scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
        scope.targets = vec![hard(Selection::Uri(0))];
        scope.budget.others = others;
    })
}

/// A program in another language, which creates the Stream again after it was lost.
pub(crate) fn recreated(scope: &mut Scope) {
    scope.budget.recreations = 1;
}

fn marked(scope: &mut Scope) {
    (scope.budget.marks, scope.budget.others) = (1, 1);
}

fn full_outbox(scope: &mut Scope) {
    scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
    scope.keys = 2;
    scope.targets = vec![hard(Selection::Key(0)), hard(Selection::Key(1))];
    scope.budget = Budget { invalidations: 2, fills: 0, ..scope.budget };
}

fn recovery(scope: &mut Scope) {
    scope.recovers = true;
    scope.register = true;
    scope.budget = Budget { fills: 0, gets: 0, ..scope.budget };
}
