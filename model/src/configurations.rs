//! The scopes that are checked.

use larder_core::log::tail::Limits;

use crate::scope::{Budget, Scope};
use crate::what::{Named, hard, soft};

/// One process that invalidates, among others that only fill (mostly P1).
#[must_use]
pub fn here(name: &'static str) -> Scope {
    Scope::named(name).with(|scope| scope.budget.elsewhere = 0)
}

/// One process that is told of invalidations elsewhere (mostly P2).
#[must_use]
pub fn there(name: &'static str) -> Scope {
    Scope::named(name).with(|scope| scope.budget.invalidations = 0)
}

/// Those that the tests exhaust.
#[must_use]
pub fn small() -> Vec<Scope> {
    let mut scopes = Vec::new();
    for (here, there) in one_fault() {
        scopes.extend([here, there]);
    }
    scopes.extend([
        there("looks in parts").with(|scope| {
            scope.count = 1;
            scope.budget.others = 1;
        }),
        there("dropped rows").with(|scope| {
            scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
            scope.budget.others = 2;
        }),
        here("full outbox").with(full_outbox),
        here("joined here").with(|scope| scope.budget = Budget { joins: 1, gets: 0, others_fills: 0, ..scope.budget }),
        there("joined").with(|scope| scope.budget = Budget { joins: 1, ..scope.budget }),
        here("soft and hard").with(|scope| {
            scope.whats.push(soft(Named::Key(0)));
            scope.budget = Budget { invalidations: 2, fills: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("not modified").with(|scope| {
            scope.validates = true;
            scope.whats.push(soft(Named::Key(0)));
            scope.budget = Budget { elsewhere: 2, fills: 2, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("globs").with(|scope| {
            scope.whats = vec![hard(Named::Glob(0)), hard(Named::Prefix)];
            scope.budget = Budget { elsewhere: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("two keys that share a tag").with(|scope| {
            scope.keys = 2;
            scope.whats = vec![hard(Named::Both), hard(Named::Key(1))];
            scope.budget = Budget { elsewhere: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("hits remember").with(|scope| {
            scope.remembers = true;
            scope.budget.losses = 1;
            scope.budget = Budget { gets: 0, others_fills: 0, ..scope.budget };
        }),
        here("recovery").with(recovery),
        here("tokens").with(|scope| {
            scope.instances = 2;
            scope.tokens = true;
            scope.budget = Budget { joins: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
    ]);
    scopes
}

/// The same scope here and there, without a fault and with each.
fn one_fault() -> Vec<(Scope, Scope)> {
    type Change = fn(&mut Scope);
    let faults: [(&str, &str, Change); 5] = [
        ("no fault, here", "no fault", |_| {}),
        ("log lost, here", "log lost", |scope| scope.budget.losses = 1),
        ("trimmed, here", "trimmed", |scope| scope.budget.trims = 2),
        ("restart, here", "restart", |scope| scope.budget.restarts = 1),
        ("cut off, here", "cut off", |scope| {
            scope.budget.isolations = 1;
            scope.guarded = false;
        }),
    ];
    faults.into_iter().map(|(own, far, change)| (here(own).with(change), there(far).with(change))).collect()
}

fn full_outbox(scope: &mut Scope) {
    scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
    scope.keys = 2;
    scope.whats = vec![hard(Named::Key(0)), hard(Named::Key(1))];
    scope.budget = Budget { invalidations: 2, fills: 0, ..scope.budget };
}

fn recovery(scope: &mut Scope) {
    scope.recovers = true;
    scope.register = true;
    scope.budget = Budget { losses: 1, untold: 1, trims: 1, gets: 0, ..scope.budget };
}
