//! The steps of the model of write-behind.

use super::process::{Process, Progress, Reader};
use super::writer::WriterStep;
use super::{BehindModel, BehindWorld};

/// A step. A number is that of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Step {
    /// Time passes. The replica of the database shows each commit after the lag at the latest.
    Tick,
    /// The replica of the database shows one more commit.
    Replicate,
    /// The queue becomes durable as it is now.
    Persist,
    /// The queue is lost, except for what is durable.
    LoseQueue,
    /// The log is lost, and begins a new incarnation.
    LoseLog,
    /// The clock of the queue goes back. It is behind every sequence number from then on.
    SetClockBack,
    /// A process notes its position, and pushes a write.
    ///
    /// With an earlier position, the value would be refused more often.
    Push(usize),
    /// The same, but the answer is lost. The write will be pushed again, with its id.
    PushUnheard(usize),
    /// A process notes its position, and pushes a write together with its event. It polls in the
    /// same step. The answer comes later.
    PushLogged(usize),
    /// A further step of a write, by its number.
    Write(usize, usize, WriterStep),
    /// A process notes its position, and asks the queue for a load. A pending value ends the load.
    ///
    /// With an earlier position, the value would be refused more often.
    BeginLoad(usize),
    /// A load, by its number, reads the database and ends.
    ///
    /// A value that is stored later is served less.
    EndLoad(usize, usize),
    /// A process gets a value from the shared tier.
    Promote(usize, usize),
    /// A process polls to the end of the log.
    Poll(usize),
    /// A process appends what it has deferred.
    Flush(usize),
    /// A process ends, and a new one takes its place.
    Restart(usize),
    /// A worker reads the queue. It has the right to read, or gets it.
    ReadQueue(usize),
    /// The sink commits, and the worker appends its event.
    ///
    /// With a later event, more values would be refused.
    Commit(usize),
    /// The sink commits, and the worker gives up.
    CommitOnly(usize),
    /// The sink commits, and the event is deferred.
    CommitAndDefer(usize),
    /// The sink refuses the write for the last time.
    Refuse(usize),
    /// The sink does so, although it has committed: a timeout, for example.
    CommitAndRefuse(usize),
    /// A worker appends its event again, to the next log.
    AppendAgain(usize),
    /// A worker removes what it has flushed.
    Complete(usize),
    /// A worker gives up what it does.
    GiveUp(usize),
    /// The dead letter is moved back to the queue.
    Retry,
    /// A process drops the dead letter.
    Discard(usize),
}

impl Step {
    pub(super) fn all(world: &BehindWorld, steps: &mut Vec<Self>) {
        steps.extend([Self::Tick, Self::Replicate, Self::Persist, Self::LoseQueue, Self::LoseLog]);
        steps.extend([Self::SetClockBack, Self::Retry]);
        for (by, process) in world.processes.iter().enumerate() {
            steps.extend([Self::Push(by), Self::PushUnheard(by), Self::BeginLoad(by), Self::Poll(by)]);
            steps.extend([Self::PushLogged(by), Self::Flush(by), Self::Restart(by), Self::Discard(by)]);
            match process.reader {
                Reader::Idle => steps.push(Self::ReadQueue(by)),
                Reader::Read(..) => {
                    steps.extend([Self::Commit(by), Self::CommitOnly(by), Self::CommitAndDefer(by)]);
                    steps.extend([Self::Refuse(by), Self::CommitAndRefuse(by), Self::GiveUp(by)]);
                }
                Reader::Committed(_) => steps.extend([Self::AppendAgain(by), Self::GiveUp(by)]),
                Reader::Appended(..) => steps.extend([Self::Complete(by), Self::GiveUp(by)]),
            }
            for one in 0..process.writes.len() {
                steps.extend(WriterStep::ALL.map(|step| Self::Write(by, one, step)));
            }
            for one in 0..process.loads.len() {
                steps.push(Self::EndLoad(by, one));
            }
            steps.extend((0..world.shared.len()).map(|which| Self::Promote(by, which)));
        }
    }
}

/// Takes one from a budget.
pub(super) fn spend(left: &mut u8) -> Option<()> {
    *left = left.checked_sub(1)?;
    Some(())
}

impl BehindWorld {
    /// Takes this step. Returns `None` if it cannot be taken.
    pub(super) fn take(&mut self, step: Step, model: &BehindModel) -> Option<()> {
        match step {
            Step::Tick => self.tick(model)?,
            Step::Replicate => {
                (!self.replicating.is_empty()).then_some(())?;
                self.replica = self.replicating.remove(0).1;
            }
            Step::Persist => {
                (self.left.lost_queues > 0).then_some(())?;
                self.durable = self.queue.clone();
            }
            Step::LoseQueue => self.lose_queue(model)?,
            Step::LoseLog => {
                spend(&mut self.left.lost_logs)?;
                self.log.lose();
            }
            Step::SetClockBack => {
                spend(&mut self.left.clocks_back)?;
                self.is_clock_back = true;
            }
            Step::Push(by) => self.begin_write(by, Progress::Pushed, model)?,
            Step::PushUnheard(by) => {
                spend(&mut self.left.unheard)?;
                self.begin_write(by, Progress::Unheard, model)?;
            }
            Step::PushLogged(by) => self.push_logged(by, model)?,
            Step::Write(by, one, step) => self.take_write(by, one, step, model)?,
            Step::BeginLoad(by) => self.begin_load(by, model)?,
            Step::EndLoad(by, one) => self.end_load(by, one, model)?,
            Step::Promote(by, which) => self.promote(by, which)?,
            Step::Poll(by) => self.poll(by)?,
            Step::Flush(by) => self.flush_outbox(by)?,
            Step::Restart(by) => {
                spend(&mut self.left.restarts)?;
                let process = self.processes.get_mut(by)?;
                *process = Process { is_behind: process.is_behind, ..Process::new() };
            }
            Step::ReadQueue(by) => self.read_queue(by, model)?,
            Step::Commit(by) => self.commit(by, model)?,
            Step::CommitOnly(by) => {
                self.commit_row(by, model)?;
                self.processes.get_mut(by)?.reader = Reader::Idle;
            }
            Step::CommitAndDefer(by) => self.commit_and_defer(by, model)?,
            Step::Refuse(by) => self.refuse(by, model)?,
            Step::CommitAndRefuse(by) => {
                self.commit_row(by, model)?;
                self.refuse(by, model)?;
            }
            Step::AppendAgain(by) => self.append_flush(by)?,
            Step::Complete(by) => self.complete(by, model)?,
            Step::GiveUp(by) => self.processes.get_mut(by)?.reader = Reader::Idle,
            Step::Retry => self.retry(model)?,
            Step::Discard(by) => self.discard(by, model)?,
        }
        Some(())
    }

    fn tick(&mut self, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.ticks)?;
        self.now += 1;
        while self.replicating.first().is_some_and(|(at, _)| at + model.lag <= self.now) {
            self.replica = self.replicating.remove(0).1;
        }
        Some(())
    }
}
