//! The scopes that take minutes.

use larder_core::invalidation::tail::Limits;

use super::{cut_off_here, full_outbox, here, marked, recovery, there};
use crate::scope::{Budget, Scope};
use crate::target::{Selection, hard, soft};

/// Returns the scopes that take minutes: two observed processes, two faults at a time, or a finer
/// clock.
#[must_use]
pub fn large() -> Vec<Scope> {
    [faults(), marks(), two_processes_and_recoveries()].concat()
}

fn pair(name: &'static str, change: fn(&mut Budget)) -> Scope {
    there(name).with(|scope| change(&mut scope.budget))
}

fn two(name: &'static str, change: fn(&mut Budget)) -> Scope {
    here(name).with(|scope| {
        scope.instances = 2;
        scope.budget = Budget { others_fills: 0, gets: 0, fills: 1, ..scope.budget };
        change(&mut scope.budget);
    })
}

/// Scopes with two faults at a time.
fn faults() -> Vec<Scope> {
    vec![
        Scope::named("invalidated here and there"),
        here("log lost twice, here").with(|scope| scope.budget.losses = 2),
        pair("log lost twice", |budget| budget.losses = 2),
        pair("log lost, trimmed", |budget| (budget.losses, budget.trims) = (1, 2)),
        pair("log lost, restart", |budget| (budget.losses, budget.restarts) = (1, 1)),
        pair("trimmed, restart", |budget| (budget.trims, budget.restarts) = (2, 1)),
        pair("created again, log lost", |budget| {
            (budget.recreations, budget.losses) = (1, 1);
        }),
        pair("created again, trimmed", |budget| {
            (budget.recreations, budget.trims) = (1, 2);
        }),
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
            scope.targets.push(soft(Selection::Key(0)));
            scope.budget = Budget { elsewhere: 1, losses: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
        there("globs, trimmed, dropped rows").with(|scope| {
            scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
            scope.targets = vec![hard(Selection::Glob(0)), hard(Selection::Glob(1))];
            scope.keys = 2;
            scope.budget =
                Budget { elsewhere: 2, trims: 1, others: 1, others_fills: 0, gets: 0, ..scope.budget };
        }),
    ]
}

/// Scopes with checkpoints and a fault.
fn marks() -> Vec<Scope> {
    vec![
        there("checkpoints, log lost, filled").with(marked).with(|scope| scope.budget.losses = 1),
        pair("checkpoints, log lost, restart", |budget| {
            (budget.marks, budget.others, budget.losses, budget.restarts) = (2, 1, 1, 1);
        }),
        pair("checkpoints, log lost, trimmed", |budget| {
            (budget.marks, budget.others, budget.losses, budget.trims) = (1, 1, 1, 2);
        }),
        there("checkpoints, log pages, restart").with(marked).with(|scope| {
            scope.count = 1;
            scope.budget.restarts = 1;
        }),
        there("checkpoints, cut off, restart").with(marked).with(|scope| {
            scope.guarded = false;
            scope.budget = Budget { isolations: 1, restarts: 1, others: 0, ..scope.budget };
        }),
        here("checkpoints, log lost twice, here").with(marked).with(|scope| {
            scope.budget = Budget { losses: 2, gets: 0, others_fills: 0, ..scope.budget };
        }),
    ]
}

/// Scopes with two processes, and scopes that check recovery.
fn two_processes_and_recoveries() -> Vec<Scope> {
    vec![
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
