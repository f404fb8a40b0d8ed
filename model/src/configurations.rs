//! The scopes that are checked.

use crate::scope::{Budget, Scope};

/// Small ones.
#[must_use]
pub fn small() -> Vec<Scope> {
    vec![
        Scope::named("plain"),
        Scope::named("loss").with(|scope| scope.budget.losses = 1),
        Scope::named("trim").with(|scope| scope.budget.trims = 1),
        Scope::named("restart").with(|scope| scope.budget.restarts = 1),
        Scope::named("isolation").with(|scope| { scope.budget.isolations = 1; scope.guarded = false; }),
        Scope::named("join").with(|scope| { scope.budget = Budget { joins: 1, ..scope.budget }; }),
    ]
}
