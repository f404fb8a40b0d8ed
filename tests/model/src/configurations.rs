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
        there("cut off").with(|scope| {
            scope.guarded = false;
            scope.budget.isolations = 1;
        }),
        there("marks, restart").with(marked).with(|scope| scope.budget.restarts = 1),
        here("marks, restart, here").with(marked).with(|scope| {
            scope.budget = Budget { restarts: 1, others: 0, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("marks, log lost")
            .with(marked)
            .with(|scope| (scope.budget.losses, scope.budget.fills) = (1, 0)),
        here("marks, log lost, here").with(marked).with(|scope| {
            scope.budget = Budget { losses: 1, others: 0, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("marks, trimmed, restart").with(marked).with(|scope| {
            scope.budget = Budget { trims: 2, restarts: 1, fills: 0, ..scope.budget };
        }),
        there("looks in parts").with(|scope| {
            scope.count = 1;
            scope.budget.others = 1;
        }),
        there("dropped rows").with(|scope| {
            scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
            scope.budget.others = 2;
        }),
        folded(there("folded rows"), 2),
        folded(here("folded rows, here"), 2),
        folded(there("folded rows, log lost"), 1).with(|scope| scope.budget.losses = 1),
        here("full outbox").with(full_outbox).with(|scope| {
            scope.budget = Budget { fills: 1, gets: 0, others_fills: 0, ..scope.budget };
        }),
        here("joined here")
            .with(|scope| scope.budget = Budget { joins: 1, gets: 0, others_fills: 0, ..scope.budget }),
        there("joined").with(|scope| scope.budget = Budget { joins: 1, ..scope.budget }),
        here("soft and hard").with(|scope| {
            scope.whats.push(soft(Named::Key(0)));
            scope.budget =
                Budget { invalidations: 1, elsewhere: 1, fills: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("not modified").with(|scope| {
            scope.validates = true;
            scope.whats.push(soft(Named::Key(0)));
            scope.budget = Budget { elsewhere: 2, fills: 2, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("not modified, joined").with(|scope| {
            scope.validates = true;
            scope.budget = Budget { fills: 2, joins: 1, others_fills: 0, gets: 0, ..scope.budget };
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
        here("recovery").with(recovery).with(|scope| scope.budget.untold = 1),
        here("recovery of a lost log").with(recovery).with(|scope| scope.budget.losses = 1),
        here("recovery of a trimmed log").with(recovery).with(|scope| scope.budget.trims = 2),
        here("recovery from a mark").with(recovery).with(marked).with(|scope| {
            scope.budget = Budget { restarts: 1, others: 0, ..scope.budget };
        }),
        here("recovery of a lost log with a mark").with(recovery).with(marked).with(|scope| {
            scope.budget = Budget { losses: 1, others: 0, others_fills: 0, ..scope.budget };
        }),
        here("tokens").with(|scope| {
            scope.instances = 2;
            scope.tokens = true;
            scope.budget = Budget { joins: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
    ]);
    scopes
}

/// A process that invalidates while there are two logs. It may go to and fro between them, so that this is never
/// exhausted.
#[must_use]
pub fn cut_off_here() -> Scope {
    here("cut off, here").with(|scope| {
        scope.guarded = false;
        scope.budget = Budget { isolations: 1, others_fills: 0, gets: 0, ..scope.budget };
    })
}

/// Those that take minutes: two processes that are both looked at, two faults at a time, a finer clock.
#[must_use]
pub fn large() -> Vec<Scope> {
    let two = |name, change: fn(&mut Budget)| {
        here(name).with(|scope| {
            scope.instances = 2;
            scope.budget = Budget { others_fills: 0, gets: 0, fills: 1, ..scope.budget };
            change(&mut scope.budget);
        })
    };
    let pair = |name, change: fn(&mut Budget)| there(name).with(|scope| change(&mut scope.budget));
    vec![
        Scope::named("invalidated here and there"),
        here("log lost twice, here").with(|scope| scope.budget.losses = 2),
        pair("log lost twice", |budget| budget.losses = 2),
        pair("log lost, trimmed", |budget| (budget.losses, budget.trims) = (1, 2)),
        pair("log lost, restart", |budget| (budget.losses, budget.restarts) = (1, 1)),
        pair("trimmed, restart", |budget| (budget.trims, budget.restarts) = (2, 1)),
        pair("log lost, joined", |budget| (budget.losses, budget.joins) = (1, 1)),
        there("cut off, log lost").with(|scope| {
            scope.guarded = false;
            (scope.budget.isolations, scope.budget.losses) = (1, 1);
        }),
        cut_off_here(),
        there("a finer clock").with(|scope| {
            scope.max_staleness = 2;
            scope.budget.losses = 1;
        }),
        here("a finer clock, here").with(|scope| scope.max_staleness = 2),
        here("full outbox, log lost").with(full_outbox).with(|scope| scope.budget.losses = 1),
        there("not modified, log lost").with(|scope| {
            scope.validates = true;
            scope.budget = Budget { fills: 2, joins: 1, losses: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        here("soft and hard, log lost").with(|scope| {
            scope.whats.push(soft(Named::Key(0)));
            scope.budget = Budget { elsewhere: 1, losses: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("globs, trimmed, dropped rows").with(|scope| {
            scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
            scope.whats = vec![hard(Named::Glob(0)), hard(Named::Glob(1))];
            scope.keys = 2;
            scope.budget =
                Budget { elsewhere: 2, trims: 1, others: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("marks, log lost, filled").with(marked).with(|scope| scope.budget.losses = 1),
        pair("marks, log lost, restart", |budget| {
            (budget.marks, budget.others, budget.losses, budget.restarts) = (2, 1, 1, 1);
        }),
        pair("marks, log lost, trimmed", |budget| {
            (budget.marks, budget.others, budget.losses, budget.trims) = (1, 1, 1, 2);
        }),
        there("marks, looks in parts, restart").with(marked).with(|scope| {
            scope.count = 1;
            scope.budget.restarts = 1;
        }),
        there("marks, cut off, restart").with(marked).with(|scope| {
            scope.guarded = false;
            scope.budget = Budget { isolations: 1, restarts: 1, others: 0, ..scope.budget };
        }),
        here("marks, log lost twice, here").with(marked).with(|scope| {
            scope.budget = Budget { losses: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
        two("two processes", |_| {}),
        two("two processes, marks, restart", |budget| (budget.marks, budget.restarts) = (1, 1)),
        two("two processes, log lost", |budget| budget.losses = 1),
        two("two processes, restart", |budget| budget.restarts = 1),
        here("tokens, log lost").with(|scope| {
            scope.instances = 2;
            scope.tokens = true;
            scope.budget = Budget { losses: 1, others: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        here("recovery, log lost twice").with(recovery).with(|scope| scope.budget.losses = 2),
        here("recovery, restart").with(recovery).with(|scope| scope.budget.restarts = 1),
        here("recovery from a mark, log lost").with(recovery).with(marked).with(|scope| {
            scope.budget = Budget { restarts: 1, losses: 1, others: 0, ..scope.budget };
        }),
    ]
}

/// The same scope here and there, without a fault and with each.
fn one_fault() -> Vec<(Scope, Scope)> {
    type Change = fn(&mut Scope);
    let faults: [(&str, &str, Change); 4] = [
        ("no fault, here", "no fault", |_| {}),
        ("log lost, here", "log lost", |scope| scope.budget.losses = 1),
        ("trimmed, here", "trimmed", |scope| scope.budget.trims = 2),
        ("restart, here", "restart", |scope| scope.budget.restarts = 1),
    ];
    faults.into_iter().map(|(near, far, change)| (here(near).with(change), there(far).with(change))).collect()
}

/// Rows that are folded: of the URI into its path with the first other event, and into its directory with the second.
pub(crate) fn folded(scope: Scope, others: u8) -> Scope {
    scope.with(|scope| {
        scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
        scope.whats = vec![hard(Named::Uri(0))];
        scope.budget.others = others;
    })
}

fn marked(scope: &mut Scope) {
    (scope.budget.marks, scope.budget.others) = (1, 1);
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
    scope.budget = Budget { fills: 0, gets: 0, ..scope.budget };
}
