//! The scopes that the tests exhaust.

use larder_core::invalidation::tail::Limits;

use super::{folded, full_outbox, here, marked, recovery, recreated, there};
use crate::scope::{Budget, Scope};
use crate::target::{Selection, hard, soft};

/// Returns the scopes that the tests exhaust.
#[must_use]
pub fn small() -> Vec<Scope> {
    [one_fault(), servers_and_marks(), foreign_appenders(), limits(), requests(), recoveries()].concat()
}

/// The same scope for both processes, without a fault and with each fault.
fn one_fault() -> Vec<Scope> {
    type Change = fn(&mut Scope);
    let faults: [(&str, &str, Change); 4] = [
        ("no fault, here", "no fault", |_| {}),
        ("log lost, here", "log lost", |scope| scope.budget.losses = 1),
        ("trimmed, here", "trimmed", |scope| scope.budget.trims = 2),
        ("restart, here", "restart", |scope| scope.budget.restarts = 1),
    ];
    faults
        .into_iter()
        .flat_map(|(near, far, change)| [here(near).with(change), there(far).with(change)])
        .collect()
}

/// Scopes in which the server or a checkpoint misleads a process.
fn servers_and_marks() -> Vec<Scope> {
    vec![
        there("cut off").with(|scope| {
            scope.guarded = false;
            scope.budget.isolations = 1;
        }),
        there("checkpoints, restart").with(marked).with(|scope| scope.budget.restarts = 1),
        here("checkpoints, restart, here").with(marked).with(|scope| {
            scope.budget = Budget { restarts: 1, others: 0, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("checkpoints, log lost")
            .with(marked)
            .with(|scope| (scope.budget.losses, scope.budget.fills) = (1, 0)),
        here("checkpoints, log lost, here").with(marked).with(|scope| {
            scope.budget = Budget { losses: 1, others: 0, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("checkpoints, trimmed, restart").with(marked).with(|scope| {
            scope.budget = Budget { trims: 2, restarts: 1, fills: 0, ..scope.budget };
        }),
    ]
}

/// Scopes with a program in another language, which appends without a script of Larder.
fn foreign_appenders() -> Vec<Scope> {
    let foreign = |scope: &mut Scope| (scope.budget.foreign, scope.budget.elsewhere) = (1, 0);
    vec![
        there("foreign append, log lost").with(foreign).with(|scope| scope.budget.losses = 1),
        here("foreign append, log lost, here").with(foreign).with(|scope| {
            scope.budget = Budget { losses: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("foreign append, trimmed").with(foreign).with(|scope| scope.budget.trims = 2),
        there("created again").with(recreated),
        here("created again, here").with(recreated),
        there("created again, checkpoints, restart").with(recreated).with(marked).with(|scope| {
            scope.budget = Budget { restarts: 1, others: 0, fills: 0, ..scope.budget };
        }),
    ]
}

/// Scopes in which a process knows only part of the log.
fn limits() -> Vec<Scope> {
    vec![
        there("log pages").with(|scope| {
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
    ]
}

/// Scopes about requests: joined fills, validation, and several keys.
fn requests() -> Vec<Scope> {
    vec![
        here("joined here")
            .with(|scope| scope.budget = Budget { joins: 1, gets: 0, others_fills: 0, ..scope.budget }),
        there("joined").with(|scope| scope.budget = Budget { joins: 1, ..scope.budget }),
        here("soft and hard").with(|scope| {
            scope.targets.push(soft(Selection::Key(0)));
            scope.budget =
                Budget { invalidations: 1, elsewhere: 1, fills: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("not modified").with(|scope| {
            scope.validates = true;
            scope.targets.push(soft(Selection::Key(0)));
            scope.budget = Budget { elsewhere: 2, fills: 2, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("not modified, joined").with(|scope| {
            scope.validates = true;
            scope.budget = Budget { fills: 2, joins: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("globs").with(|scope| {
            scope.targets = vec![hard(Selection::Glob(0)), hard(Selection::Prefix)];
            scope.budget = Budget { elsewhere: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("two keys that share a tag").with(|scope| {
            scope.keys = 2;
            scope.targets = vec![hard(Selection::Both), hard(Selection::Key(1))];
            scope.budget = Budget { elsewhere: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
        there("hits remember").with(|scope| {
            scope.remembers = true;
            scope.budget.losses = 1;
            scope.budget = Budget { gets: 0, others_fills: 0, ..scope.budget };
        }),
    ]
}

/// Scopes that check recovery, and tokens.
fn recoveries() -> Vec<Scope> {
    vec![
        here("recovery").with(recovery).with(|scope| scope.budget.lost_answers = 1),
        here("recovery of a lost log").with(recovery).with(|scope| scope.budget.losses = 1),
        here("recovery of a trimmed log").with(recovery).with(|scope| scope.budget.trims = 2),
        here("recovery of a log that is created again").with(recovery).with(recreated),
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
    ]
}
