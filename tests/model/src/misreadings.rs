//! A scope for each misreading of the rules, in which the model finds it.

use larder_core::invalidation::fault_injection::Rule;
use larder_core::invalidation::tail::Limits;

use crate::configurations::{folded, here, recreated, there};
use crate::reading::Reading;
use crate::scope::{Budget, Scope};
use crate::target::{Selection, hard, soft};

/// Returns each scope with the number of its rule.
#[must_use]
pub fn all() -> Vec<(u8, Scope)> {
    let groups = [positions(), looks(), serving(), shared(), flights(), invalidating(), recovering()];
    groups.into_iter().flatten().map(|(rule, reading, scope)| (rule, scope.reading(reading))).collect()
}

type Misread = (u8, Reading, Scope);

/// Returns the misreadings that do no harm alone, because another rule refuses their results. Rule
/// 10 refuses a promoted response while nothing is confirmed. Until a new incarnation is replayed,
/// it also refuses because of the time of the last poll.
#[must_use]
pub fn harmless() -> Vec<(u8, Scope)> {
    let in_parts = |scope: Scope| {
        scope.with(|scope| {
            scope.count = 1;
            scope.budget.losses = 1;
        })
    };
    let scopes = [
        (12, Reading::TrustsUnconfirmed, there("without looks")),
        (12, Reading::TrustsBeforeReplay, in_parts(there("a new incarnation"))),
        (6, Reading::CheckpointOfAnyIncarnation, marked_and_lost()),
        (7, Reading::CheckpointWithoutItsEntry, marked_and_restarted().with(|scope| scope.budget.trims = 1)),
    ];
    scopes.into_iter().map(|(rule, reading, scope)| (rule, scope.reading(reading))).collect()
}

fn positions() -> Vec<Misread> {
    let ahead = here("ahead of our tail").with(|scope| scope.budget.others = 1);
    let modes = here("soft after hard").with(|scope| {
        scope.targets.push(soft(Selection::Key(0)));
        scope.budget = Budget { invalidations: 2, fills: 1, others_fills: 0, gets: 0, ..scope.budget };
    });
    vec![
        (1, Reading::Inside(Rule::OnePair), ahead),
        (1, Reading::LocalNumberAfterTheAnswer, here("deferred meanwhile")),
        (2, Reading::PositionAtTheEnd, here("a long fill")),
        (2, Reading::FilledAtTheEnd, there("a long fill")),
        (3, Reading::Inside(Rule::LastModeDecides), modes),
        (3, Reading::RefusedIsValidated, validating()),
        (3, Reading::BaseBeforePosition, validating()),
        (3, Reading::ValidatedIsFilled, validating()),
    ]
}

fn validating() -> Scope {
    there("not modified").with(|scope| {
        scope.validates = true;
        scope.budget = Budget { fills: 2, others_fills: 0, gets: 0, ..scope.budget };
    })
}

fn looks() -> Vec<Misread> {
    let lost = || there("log lost").with(|scope| scope.budget.losses = 1);
    let trimmed = || there("trimmed").with(|scope| scope.budget.trims = 2);
    let reused = here("ids used again").with(|scope| {
        scope.budget = Budget { losses: 1, others: 1, ..scope.budget };
    });
    let cut_off = |guarded| {
        let scope = if guarded { there("cut off") } else { here("cut off") };
        scope.with(|scope| {
            scope.guarded = guarded;
            scope.budget.isolations = 1;
        })
    };
    let dropped = there("dropped rows").with(|scope| {
        scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
        scope.budget.others = 2;
    });
    let parts = there("log pages").with(|scope| {
        scope.count = 1;
        scope.budget.others = 1;
    });
    vec![
        (4, Reading::PollInTwoHalves, lost()),
        (4, Reading::PollInTwoHalves, trimmed()),
        (4, Reading::CheckpointReadBefore, marked_and_lost()),
        (5, Reading::PollWithoutHeartbeat, cut_off(true)),
        (6, Reading::IncarnationIsKept, lost()),
        (6, Reading::IncarnationIsKept, reused),
        (6, Reading::AnyCheckpoint, marked_and_lost()),
        (6, Reading::Inside(Rule::LeavesInSilence), cut_off(false)),
        (6, Reading::BeginningIsEnough, cut_off(false)),
        (6, Reading::AnyFence, all_before()),
        (7, Reading::NoFloor, trimmed()),
        (7, Reading::CheckpointIsNoFloor, marked_and_restarted()),
        (7, Reading::RecreatedIsTrusted, there("created again").with(recreated)),
        (7, Reading::RecreatedIsTrusted, here("created again, here").with(recreated)),
        (7, Reading::Inside(Rule::DroppedRowsAreForgotten), dropped),
        (7, Reading::Inside(Rule::FoldedRowsAreForgotten), folded(there("folded rows"), 1)),
        (7, Reading::Inside(Rule::FoldedRowsAreForgotten), folded(there("folded rows"), 2)),
        (8, Reading::EveryPollConfirms, parts),
        (9, Reading::DatedByTheAnswer, there("a long look")),
    ]
}

/// A primary that was cut off takes an invalidation after *all* was appended to the other one.
fn all_before() -> Scope {
    there("cut off").with(|scope| {
        scope.guarded = false;
        scope.targets = vec![hard(Selection::All)];
        scope.budget = Budget { elsewhere: 2, isolations: 1, fills: 0, ..scope.budget };
    })
}

/// A checkpoint in a log that is then lost.
fn marked_and_lost() -> Scope {
    there("checkpoints").with(|scope| {
        scope.budget = Budget { marks: 1, others: 1, losses: 1, gets: 0, others_fills: 0, ..scope.budget };
    })
}

/// A checkpoint, and a process that starts there.
fn marked_and_restarted() -> Scope {
    there("checkpoints").with(|scope| {
        scope.budget = Budget { marks: 1, others: 1, restarts: 1, fills: 0, ..scope.budget };
    })
}

fn serving() -> Vec<Misread> {
    let hits = || {
        there("hits remember").with(|scope| {
            scope.remembers = true;
            scope.budget = Budget { losses: 1, gets: 0, others_fills: 0, ..scope.budget };
        })
    };
    vec![
        (10, Reading::Unbounded, there("without looks")),
        (10, Reading::PromotedIsFilled, there("promoted")),
        (11, Reading::GenerationAfterRows, hits()),
        (11, Reading::GenerationIsKept, hits()),
        (11, Reading::ConfirmedBeforeRows, there("published too early")),
    ]
}

fn shared() -> Vec<Misread> {
    let lost = here("log lost").with(|scope| scope.budget.losses = 1);
    vec![
        (12, Reading::TrustsWithOutbox, here("deferred")),
        (12, Reading::TrustsWhenFlushed, here("deferred")),
        (12, Reading::Inside(Rule::PendingRowsAreForgotten), lost),
    ]
}

fn flights() -> Vec<Misread> {
    let joined = |invalidations| {
        here("joined").with(|scope| {
            scope.budget = Budget { invalidations, joins: 1, gets: 0, others_fills: 0, ..scope.budget };
        })
    };
    let elsewhere = || there("joined").with(|scope| scope.budget.joins = 1);
    vec![
        (13, Reading::JoinsAnyFlight, elsewhere()),
        (13, Reading::TakesUnchecked, joined(1)),
        (13, Reading::TakesUnlessBetween, joined(2)),
        (13, Reading::FollowsUnchecked, joined(1)),
        (13, Reading::SamePositionIsEnough, validating().with(|scope| scope.budget.joins = 1)),
        (13, Reading::TakesWhatWasValidated, validating().with(|scope| scope.budget.joins = 1)),
    ]
}

fn invalidating() -> Vec<Misread> {
    let cut_off = here("cut off").with(|scope| {
        scope.guarded = false;
        scope.budget.isolations = 1;
    });
    let full = here("full outbox").with(|scope| {
        scope.limits = Limits { rows: 2, globs: 1, outbox: 1 };
        scope.keys = 2;
        scope.targets = vec![hard(Selection::Key(0)), hard(Selection::Key(1))];
        scope.budget = Budget { invalidations: 2, fills: 0, ..scope.budget };
    });
    let tokens = |losses| {
        here("tokens").with(|scope| {
            scope.instances = 2;
            scope.tokens = true;
            let (joins, others) = (1 - losses, losses);
            scope.budget = Budget { losses, joins, others, others_fills: 0, gets: 0, ..scope.budget };
            scope.max_staleness = if losses > 0 { 0 } else { 1 };
        })
    };
    vec![
        (14, Reading::AppliedWhenAppended, here("appended")),
        (14, Reading::AnyOtherIncarnation, cut_off),
        (15, Reading::TimedOutHappened, here("timed out")),
        (15, Reading::Inside(Rule::OutboxDropsTheOldest), full),
        (17, Reading::TokenIsAnId, tokens(1)),
        (17, Reading::TokenAfterJoining, tokens(0)),
    ]
}

/// Misreadings that are safe but never recover.
fn recovering() -> Vec<Misread> {
    let recovery = |change: fn(&mut Budget)| {
        here("recovery").with(|scope| {
            scope.recovers = true;
            scope.register = true;
            scope.budget = Budget { fills: 0, others_fills: 0, gets: 0, ..scope.budget };
            change(&mut scope.budget);
        })
    };
    vec![
        (1, Reading::LocalNumberIsZero, recovery(|_| {})),
        (8, Reading::EndIsTheLastEvent, recovery(|budget| budget.trims = 1)),
        (14, Reading::WaitsForTheId, recovery(|budget| budget.losses = 1)),
        (16, Reading::HigherIdStays, recovery(|budget| (budget.others_fills, budget.losses) = (1, 1))),
    ]
}
