//! The rules as a process applies them around its tail: those of `larder-core`, unless they are
//! misread.

use larder_core::log::position::{Mark, Position};
use larder_core::log::table::Verdict;
use larder_core::log::tail::{Passing, Tail, may_join, usable};
use larder_core::store::Appended;
use larder_core::time::Boot;

use crate::canonical::{NOW, ticks};
use crate::reading::Reading;
use crate::scope::Scope;
use crate::target::Vocabulary;
use crate::world::{Flight, Instance, StoredResponse, Waiter, World};

/// A model: a scope and its vocabulary.
#[derive(Debug)]
#[allow(clippy::exhaustive_structs)]
pub struct Protocol {
    /// The size of the model, and the reading of the rules.
    pub scope: Scope,
    /// The events and names.
    pub vocabulary: Vocabulary,
}

impl Protocol {
    /// Creates the model of this scope.
    #[must_use]
    pub fn of(scope: Scope) -> Self {
        let vocabulary = Vocabulary::of(scope.targets.iter().copied());
        Self { scope, vocabulary }
    }

    /// Whether the rules are misread in this way.
    #[must_use]
    pub fn reads(&self, reading: Reading) -> bool {
        self.scope.reading == reading
    }

    /// Creates a tail that has not read anything.
    #[must_use]
    pub fn tail(&self, placeholder: u8) -> Tail {
        let tail = Tail::following(crate::world::incarnation(placeholder), self.scope.limits);
        match self.scope.reading {
            Reading::Inside(rule) => tail.breaking(rule),
            _ => tail,
        }
    }

    /// Returns when the process's knowledge was last confirmed (rules 9 and 11).
    fn confirmed_at(&self, instance: &Instance) -> Option<Boot> {
        instance.tail.confirmed_at().max(instance.early)
    }

    /// Rule 10.
    #[must_use]
    pub fn is_usable(&self, instance: &Instance, filled_at: Option<Boot>, now: Boot) -> bool {
        self.reads(Reading::Unbounded)
            || usable(filled_at, self.confirmed_at(instance), ticks(self.scope.max_staleness), now)
    }

    /// Rule 3, and rule 11 for a remembered verdict.
    #[must_use]
    pub fn verdict(&self, instance: &Instance, kept: &StoredResponse) -> Verdict {
        if kept.is_remembered { Verdict::Valid } else { self.check(instance, kept, &kept.position) }
    }

    fn check(&self, instance: &Instance, kept: &StoredResponse, position: &Position) -> Verdict {
        instance.tail.check(position, self.vocabulary.names(kept.key), NOW)
    }

    /// Returns how a request would be served that finds this response in memory now: `None` if not
    /// at all, otherwise whether as fresh.
    #[must_use]
    pub fn serves(&self, instance: &Instance, kept: &StoredResponse) -> Option<bool> {
        if !self.is_usable(instance, kept.filled_at, NOW) {
            return None;
        }
        match self.verdict(instance, kept) {
            Verdict::Valid => Some(true),
            Verdict::Soft(_) => Some(false),
            Verdict::Refused => None,
        }
    }

    /// Rule 3: whether it may be revalidated. It might have expired as well.
    #[must_use]
    pub fn may_validate(&self, instance: &Instance, kept: &StoredResponse) -> bool {
        let refused =
            !self.reads(Reading::RefusedIsValidated) && self.verdict(instance, kept) == Verdict::Refused;
        !refused && self.is_usable(instance, kept.filled_at, NOW)
    }

    /// Rule 12.
    #[must_use]
    pub fn trusts(&self, instance: &Instance) -> bool {
        let tail = &instance.tail;
        let confirmed = usable(None, tail.confirmed_at(), ticks(self.scope.max_staleness), NOW);
        match self.scope.reading {
            Reading::TrustsWithOutbox => confirmed,
            Reading::TrustsWhenFlushed => confirmed && tail.unsent().is_none(),
            Reading::TrustsBeforeReplay => confirmed && tail.is_settled(),
            Reading::TrustsUnconfirmed => {
                tail.trusts_shared(tail.confirmed_at().unwrap_or_default(), ticks(0))
            }
            _ => tail.trusts_shared(NOW, ticks(self.scope.max_staleness)),
        }
    }

    /// Rule 13, before a flight.
    #[must_use]
    pub fn may_join(&self, instance: &Instance, began: Boot) -> bool {
        self.reads(Reading::JoinsAnyFlight)
            || may_join(began, self.confirmed_at(instance), ticks(self.scope.max_staleness), NOW)
    }

    /// Rule 13, after a flight: whether the waiter accepts the response of a flight that began at
    /// `position`.
    #[must_use]
    pub fn takes(
        &self,
        instance: &Instance,
        waiter: &Waiter,
        kept: &StoredResponse,
        (position, is_filled): (&Position, bool),
    ) -> bool {
        // A validated response is as old as before (rule 10), for this request too.
        if !self.reads(Reading::TakesWhatWasValidated)
            && !self.is_usable(instance, kept.filled_at, waiter.joined_at)
        {
            return self.reads(Reading::JoinsAnyFlight);
        }
        // A response that was not read from the database may be older than the flight. The poll
        // that confirms it may also refuse it.
        let is_new = is_filled || self.reads(Reading::SamePositionIsEnough);
        if waiter.position == *position {
            return is_new || self.check(instance, kept, &kept.position) != Verdict::Refused;
        }
        if self.reads(Reading::TakesUnchecked) {
            return true;
        }
        if self.reads(Reading::TakesUnlessBetween) {
            return !self.is_between(instance, kept, position, &waiter.position);
        }
        self.check(instance, kept, &kept.position) == Verdict::Valid
    }

    /// Whether the last event that names it lies between the two positions.
    fn is_between(&self, instance: &Instance, kept: &StoredResponse, from: &Position, to: &Position) -> bool {
        let refused = |position: &Position| self.check(instance, kept, position) != Verdict::Valid;
        refused(from) && !refused(to)
    }

    /// Rule 14.
    #[must_use]
    pub fn passing(&self, instance: &Instance, appended: &Appended, newest_look: Boot) -> Passing {
        let own = instance.tail.position();
        let elsewhere = own.incarnation != appended.incarnation;
        match self.scope.reading {
            Reading::AnyOtherIncarnation if elsewhere && newest_look > appended.answered => Passing::Passed,
            Reading::WaitsForTheId if elsewhere => Passing::Waiting,
            _ => instance.tail.passed(appended),
        }
    }

    /// Returns the possible answers of the shared tier.
    #[must_use]
    pub fn answers<'a>(&self, world: &'a World, key: u8) -> Vec<&'a StoredResponse> {
        if self.scope.register {
            return world.register[usize::from(key)].iter().collect();
        }
        world.shared.iter().filter(|kept| kept.key == key).collect()
    }

    /// Rule 16: whether a SET replaces the existing response.
    #[must_use]
    pub fn replaces(&self, there: Option<&StoredResponse>, new: &StoredResponse) -> bool {
        let Some(there) = there else { return true };
        let same = there.position.incarnation == new.position.incarnation;
        let is_lower = there.position.mark.log > new.position.mark.log;
        !(is_lower && (same || self.reads(Reading::HigherIdStays)))
    }

    /// Rule 1: returns a response from the shared tier as it is stored in memory. The request found
    /// the local number `asked`.
    #[must_use]
    pub fn promoted(&self, instance: &Instance, kept: &StoredResponse, asked: u64) -> StoredResponse {
        let local = match self.scope.reading {
            Reading::LocalNumberAfterTheAnswer => instance.tail.position().mark.local,
            Reading::LocalNumberIsZero => 0,
            _ => asked,
        };
        let mark = Mark { local, ..kept.position.mark };
        let filled_at = self.reads(Reading::PromotedIsFilled).then_some(NOW);
        StoredResponse {
            position: Position { mark, ..kept.position },
            filled_at,
            is_remembered: false,
            ..*kept
        }
    }

    /// Returns the stored response of a fill that ends now (rules 2 and 10).
    #[must_use]
    pub fn filled(&self, instance: &Instance, flight: &Flight, validated: bool) -> StoredResponse {
        let mut kept = flight.brings;
        if let Some(base) = flight.base.filter(|_| validated) {
            kept.version = base.version;
            if !self.reads(Reading::ValidatedIsFilled) {
                kept.filled_at = base.filled_at;
            }
        }
        match self.scope.reading {
            Reading::PositionAtTheEnd => kept.position = instance.tail.position(),
            Reading::FilledAtTheEnd => kept.filled_at = Some(NOW),
            _ => {}
        }
        kept
    }
}
