//! The steps of the model of a lagging replica.

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::position::Incarnation;
use larder_core::invalidation::table::Verdict;
use larder_core::time::WallTime;

use super::world::{Fill, boot, invalidation, names};
use super::{LAG, LagReading, LagWorld, Stored, ticks};

/// A step. A number is that of a process, or of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Step {
    /// Time passes. The replica shows each write after [`LAG`] at the latest.
    Tick,
    /// The replica shows one more write.
    Replicate,
    /// A write is committed and its invalidation is appended.
    Write,
    /// A write is committed, and the process defers its invalidation.
    Defer(usize),
    /// A process appends what it has deferred.
    Flush(usize),
    /// A process sends a poll.
    Send(usize),
    /// The log answers the poll.
    Answer(usize),
    /// A process applies the answer.
    Apply(usize),
    /// A process begins a fill.
    Begin(usize),
    /// The handler reads the replica.
    Read(usize),
    /// The fill ends, and its response is stored.
    End(usize),
    /// A process reads a response from the shared tier.
    Get(usize, usize),
}

impl Step {
    pub(super) fn all(world: &LagWorld, steps: &mut Vec<Self>) {
        steps.extend([Self::Tick, Self::Replicate, Self::Write]);
        for by in 0..world.processes.len() {
            steps.extend([Self::Defer(by), Self::Flush(by), Self::Send(by), Self::Answer(by)]);
            steps.extend([Self::Apply(by), Self::Begin(by), Self::Read(by), Self::End(by)]);
            steps.extend((0..world.shared.len()).map(|which| Self::Get(by, which)));
        }
    }
}

impl LagWorld {
    /// Takes this step. Returns `None` if it cannot be taken.
    pub(super) fn take(&mut self, step: Step, reading: LagReading) -> Option<()> {
        match step {
            Step::Tick => {
                self.now += 1;
                let late = self.writes.iter().filter(|at| *at + LAG <= self.now).count();
                self.replicated = self.replicated.max(late);
            }
            Step::Replicate => {
                self.replicated += 1;
                (self.replicated <= self.writes.len()).then_some(())?;
            }
            Step::Write => {
                self.left.writes = self.left.writes.checked_sub(1)?;
                self.writes.push(self.now);
                self.append(self.writes.len());
            }
            Step::Defer(by) => {
                self.left.deferred = self.left.deferred.checked_sub(1)?;
                self.writes.push(self.now);
                let (version, now) = (self.writes.len(), self.now);
                let process = self.processes.get_mut(by)?;
                process.deferred = Some((version, now));
                process.tail.defer(&[invalidation()], boot(now + process.offset));
            }
            Step::Flush(by) => self.flush(by)?,
            Step::Send(by) => {
                self.left.polls = self.left.polls.checked_sub(1)?;
                let process = self.processes.get_mut(by)?;
                process.poll.is_none().then(|| process.poll = Some((self.now, None)))?;
            }
            Step::Answer(by) => {
                let answer = (self.log.len(), self.now);
                let (_, answered) = self.processes.get_mut(by)?.poll.as_mut()?;
                answered.is_none().then(|| *answered = Some(answer))?;
            }
            Step::Apply(by) => self.apply(by, reading)?,
            Step::Begin(by) => {
                self.left.fills = self.left.fills.checked_sub(1)?;
                let (now, process) = (self.now, self.processes.get_mut(by)?);
                let position = process.tail.position();
                let fill = Fill { began: now, position, version: None };
                process.fill.is_none().then(|| process.fill = Some(fill))?;
            }
            Step::Read(by) => {
                let fill = self.processes.get_mut(by)?.fill.as_mut()?;
                fill.version.is_none().then(|| fill.version = Some(self.replicated))?;
            }
            Step::End(by) => self.end(by, reading)?,
            Step::Get(by, which) => self.get(by, which, reading)?,
        }
        Some(())
    }

    fn flush(&mut self, by: usize) -> Option<()> {
        let batch = self.processes.get(by)?.tail.next_batch()?;
        let (version, _) = self.processes.get(by)?.deferred?;
        self.append(version);
        let (id, now) = (self.log.last()?.id, self.now);
        let process = self.processes.get_mut(by)?;
        let answered = boot(now + process.offset);
        let incarnation = Incarnation::from_bytes([1; 16]);
        process.tail.batch_appended(&batch, Appended { incarnation, id, answered });
        Some(())
    }

    fn apply(&mut self, by: usize, reading: LagReading) -> Option<()> {
        let (sent, answer) = self.processes.get_mut(by)?.poll.take()?;
        let (entries, at) = answer?;
        let mut page = self.page(entries, at);
        if reading == LagReading::CountsFromThePoll {
            // All entries are then as old as the last one, which is as old as the poll.
            page.now = WallTime::from_unix_millis(page.last.millis);
        }
        let (now, process) = (self.now, self.processes.get_mut(by)?);
        if reading != LagReading::PollsTakeNoTime {
            process.tail.note_poll_time(ticks(now - sent));
        }
        process.tail.apply_page(&page, boot(sent + process.offset));
        Some(())
    }

    fn end(&mut self, by: usize, reading: LagReading) -> Option<()> {
        let now = self.now;
        let process = self.processes.get_mut(by)?;
        let Fill { began, position, version } = process.fill.take()?;
        let began = if reading == LagReading::BeganAtTheEnd { now } else { began };
        let limit = process.limit(began);
        let until = if reading == LagReading::NoLimit { None } else { limit };
        let stored = Stored { version: version?, position, until };
        if process.tail.check(&position, &names(), boot(now + process.offset)) != Verdict::Refused {
            process.memory.push(stored);
            self.shared.push(stored);
        }
        Some(())
    }

    fn get(&mut self, by: usize, which: usize, reading: LagReading) -> Option<()> {
        self.left.gets = self.left.gets.checked_sub(1)?;
        let mut stored = *self.shared.get(which)?;
        if reading == LagReading::PromotedIsUnlimited {
            stored.until = None;
        }
        let process = self.processes.get_mut(by)?;
        process.tail.is_settled().then_some(())?;
        let promoted = process.promote(stored);
        process.memory.push(promoted);
        Some(())
    }
}
