//! Rule 17: tokens of a client's own writes.

use larder_core::invalidation::append_status::AppendStatus;
use larder_core::invalidation::table::Verdict;
use larder_core::invalidation::tail::{Limits, Tail};
use larder_core::invalidation::token::{ConsistencyToken, Coverage};
use proptest::prelude::*;

use crate::world::{Instance, MAX_STALENESS, Redis, Stored, at, hard, incarnation};

/// Returns a process. The random bits with which it begins distinguish it from others.
fn instance(number: u8) -> Instance {
    Instance { tail: Tail::following(incarnation(100 + number), Limits::default()) }
}

fn joined(redis: &mut Redis, number: u8) -> Instance {
    let mut instance = instance(number);
    instance.look(redis, at(0));
    instance
}

#[test]
fn rule_17_a_token_is_reached_by_who_has_read_as_far() {
    let mut redis = Redis::new();
    let (mut a, mut b) = (joined(&mut redis, 1), joined(&mut redis, 2));
    redis.append(&[hard("x")], at(1));
    a.look(&mut redis, at(2));
    let token = a.tail.token();
    assert_eq!(a.tail.coverage(&token), Coverage::Covered);
    assert_eq!(b.tail.coverage(&token), Coverage::Wait);
    b.look(&mut redis, at(3));
    assert_eq!(b.tail.coverage(&token), Coverage::Covered);
}

#[test]
fn rule_17_a_token_of_another_incarnation_cannot_be_compared() {
    let mut redis = Redis::new();
    let (a, mut b) = (joined(&mut redis, 1), joined(&mut redis, 2));
    let token = a.tail.token();
    redis.fail_over(0);
    b.look(&mut redis, at(1));
    assert_eq!(b.tail.coverage(&token), Coverage::Incomparable);
    assert_eq!(a.tail.coverage(&b.tail.token()), Coverage::Incomparable);
}

#[test]
fn rule_17_a_deferred_token_cannot_be_compared_on_another_instance() {
    let mut redis = Redis::new();
    let (mut a, mut b) = (joined(&mut redis, 1), joined(&mut redis, 2));
    a.tail.defer(&[hard("x")], at(1));
    let token = a.tail.token();
    assert_eq!(a.tail.coverage(&token), Coverage::Covered);
    assert_eq!(b.tail.coverage(&token), Coverage::Incomparable);
    // It cannot be compared after the event has come through either: the number means nothing to
    // another instance.
    a.flush(&mut redis, at(2));
    a.look(&mut redis, at(3));
    b.look(&mut redis, at(3));
    assert_eq!(b.tail.coverage(&token), Coverage::Incomparable);
    assert!(!a.tail.token().is_deferred());
    assert_eq!(b.tail.coverage(&a.tail.token()), Coverage::Covered);
}

/// A step of a history with three instances and the log that they follow.
#[derive(Debug, Clone)]
enum Step {
    /// The client writes here and brings its token.
    ///
    /// `told` is whether the event is appended, and `looks` is how many polls come back in time.
    Write {
        here: usize,
        told: bool,
        looks: usize,
    },
    /// Another client writes here, and the event cannot be appended.
    Defer(usize),
    Flush(usize),
    Look(usize, usize),
    Trim(usize),
    FailOver(usize),
    Restart(usize),
}

fn steps() -> impl Strategy<Value = Step> {
    let here = 0..3_usize;
    prop_oneof![
        4 => (here.clone(), any::<bool>(), 0..2_usize)
            .prop_map(|(here, told, looks)| Step::Write { here, told, looks }),
        1 => here.clone().prop_map(Step::Defer),
        2 => here.clone().prop_map(Step::Flush),
        4 => (here.clone(), 1..4_usize).prop_map(|(here, count)| Step::Look(here, count)),
        1 => (0..3_usize).prop_map(Step::Trim),
        1 => (0..2_usize).prop_map(Step::FailOver),
        1 => here.prop_map(Step::Restart),
    ]
}

/// One client, its writes, and the responses that every instance had stored before them.
struct Session {
    redis: Redis,
    instances: Vec<Instance>,
    born: u8,
    /// The client's token.
    token: Option<ConsistencyToken>,
    /// The responses that were filled before a write of the client.
    ///
    /// With each is the number of the process that filled it. A process gets a new number when it
    /// restarts.
    before: Vec<(u8, Stored)>,
    lives: [u8; 3],
    now: u64,
}

impl Session {
    fn new() -> Self {
        let mut redis = Redis::new();
        let instances = (0..3).map(|number| joined(&mut redis, number)).collect();
        Self { redis, instances, born: 3, token: None, before: Vec::new(), lives: [0, 1, 2], now: 0 }
    }

    fn step(&mut self, step: &Step) {
        self.now += 1;
        let now = at(self.now);
        match *step {
            Step::Write { here, told, looks } => self.write(here, told, looks),
            Step::Defer(here) => self.instances[here].tail.defer(&[hard("other")], now),
            Step::Flush(here) => drop(self.instances[here].flush(&mut self.redis, now)),
            Step::Look(here, count) => {
                let tail = &mut self.instances[here].tail;
                let look = self.redis.look(tail.cursor(at(0)), count);
                tail.apply_page(&look, now);
            }
            Step::Trim(keep) => self.redis.trim(keep),
            Step::FailOver(lost) => self.redis.fail_over(lost),
            Step::Restart(here) => {
                self.instances[here] = instance(self.born);
                self.lives[here] = self.born;
                self.born += 1;
            }
        }
    }

    /// Writes as the layer does it: every fill that began before has read the state before.
    fn write(&mut self, here: usize, told: bool, looks: usize) {
        let tag = format!("x{}", self.now);
        for (life, instance) in self.lives.iter().zip(&self.instances) {
            self.before.push((*life, instance.begin_fill(&tag, at(self.now))));
        }
        let appended = told.then(|| self.redis.append(&[hard(&tag)], at(self.now)));
        let here = &mut self.instances[here];
        for _ in 0..looks {
            self.now += 1;
            here.look(&mut self.redis, at(self.now));
        }
        let applied =
            appended.is_some_and(|appended| here.tail.append_status(&appended) == AppendStatus::Applied);
        if !applied {
            here.tail.defer(&[hard(&tag)], at(self.now));
        }
        let own = here.tail.token();
        self.token = Some(self.token.map_or(own, |brought| own.merge_after(brought, applied)));
    }

    /// Checks that no instance that has reached the token shows the client an old response.
    ///
    /// A response is old if it was filled before one of the client's writes.
    fn holds(&self) -> Result<(), TestCaseError> {
        let Some(token) = &self.token else { return Ok(()) };
        let now = at(self.now);
        for (life, instance) in self.lives.iter().zip(&self.instances) {
            if instance.tail.coverage(token) != Coverage::Covered {
                continue;
            }
            for (filled_by, stored) in &self.before {
                let promoted = Instance::promote(stored, instance.tail.position());
                let stored = match filled_by == life {
                    true => stored,
                    false if instance.tail.may_trust_store(now, MAX_STALENESS) => &promoted,
                    false => continue,
                };
                let verdict = instance.check(stored, now);
                prop_assert_eq!(verdict, Verdict::Refused, "{:?} shown to the client of {}", stored, token);
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn an_instance_that_covers_a_token_serves_nothing_older_than_its_writes(
        steps in proptest::collection::vec(steps(), 1..24),
    ) {
        let mut session = Session::new();
        for step in &steps {
            session.step(step);
            session.holds()?;
        }
    }
}
