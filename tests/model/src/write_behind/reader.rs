//! The steps of the worker: read, commit, append the event, complete.

use larder_core::invalidation::append_status::{AppendStatus, Appended};

use super::log::{boot, event};
use super::process::{Flushed, Reader, Required};
use super::queue::Place;
use super::step::spend;
use super::world::Row;
use super::{BehindModel, BehindReading, BehindWorld, Durability};

impl BehindWorld {
    pub(super) fn read_queue(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        (self.processes.get(by)?.reader == Reader::Idle).then_some(())?;
        let write = self.queue.readable()?;
        let waits =
            model.durability == Durability::Waits && !model.is_wrong(BehindReading::FlushedBeforeItIsDurable);
        if waits && self.left.lost_queues > 0 {
            let Place::Queued(place) = write.place else { return None };
            (place <= self.durable.last).then_some(())?;
        }
        spend(&mut self.left.flushes)?;
        let is_taken = self.processes.iter().any(|process| process.is_reader);
        if is_taken && !self.processes.get(by)?.is_reader {
            // The lease of another reader has expired.
            spend(&mut self.left.takeovers)?;
        }
        for (other, process) in self.processes.iter_mut().enumerate() {
            process.is_reader = other == by;
        }
        if model.is_wrong(BehindReading::CompletedBeforeTheCommit) {
            self.queue.complete(write);
        }
        let is_early = model.is_wrong(BehindReading::EventBeforeTheCommit);
        let event = is_early.then(|| self.append_event(by)).flatten();
        self.processes.get_mut(by)?.reader = Reader::Read(write, self.moment(model), event);
        Some(())
    }

    fn append_event(&mut self, by: usize) -> Option<Appended> {
        let appended = self.log.append(boot(self.now));
        self.processes.get_mut(by)?.tail.note_appended(&appended);
        Some(appended)
    }

    /// Commits, and appends the event.
    pub(super) fn commit(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        let Reader::Read(.., early) = self.processes.get(by)?.reader else { return None };
        let (flushed, has_changed) = self.commit_row(by, model)?;
        let event = match model.reading {
            BehindReading::FlushAppendsNothing => None,
            BehindReading::NoEventWithoutAChange if !has_changed => None,
            BehindReading::EventBeforeTheCommit => early,
            _ => self.append_event(by),
        };
        self.processes.get_mut(by)?.reader = Reader::Appended(flushed, event);
        Some(())
    }

    /// Lets the sink commit. Returns whether the row has changed.
    pub(super) fn commit_row(&mut self, by: usize, model: &BehindModel) -> Option<(Flushed, bool)> {
        let Reader::Read(write, read_at, _) = self.processes.get(by)?.reader else { return None };
        let has_changed = self.row.sequence < write.sequence || model.is_wrong(BehindReading::NoFence);
        if has_changed {
            self.is_overwritten |= write.version < self.row.version;
            self.row = Row { sequence: write.sequence, version: write.version };
            if model.lag == 0 {
                self.replica = write.version;
            } else {
                self.replicating.push((self.now, write.version));
            }
            self.keep_version(write.version);
        }
        let is_early = model.is_wrong(BehindReading::LagCountsFromTheRead);
        let at = if is_early { read_at } else { self.moment(model) };
        Some((Flushed { write, row: self.row.version, at }, has_changed))
    }

    /// Commits, and defers the event. The write stays in the queue.
    pub(super) fn commit_and_defer(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.deferred)?;
        let (flushed, _) = self.commit_row(by, model)?;
        let process = self.processes.get_mut(by)?;
        process.tail.defer(&[event()], boot(self.now));
        let is_wrong = model.is_wrong(BehindReading::CompletedWithADeferredEvent);
        process.reader = if is_wrong { Reader::Appended(flushed, None) } else { Reader::Idle };
        Some(())
    }

    /// Returns the time, if it matters to a reader.
    const fn moment(&self, model: &BehindModel) -> u64 {
        if model.lag == 0 { 0 } else { self.now }
    }

    pub(super) fn refuse(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        let process = self.processes.get_mut(by)?;
        let Reader::Read(write, ..) = process.reader else { return None };
        spend(&mut self.left.refusals)?;
        process.reader = Reader::Idle;
        if process.is_reader || model.is_wrong(BehindReading::AnyReaderQuarantines) {
            self.queue.quarantine(write);
        }
        if model.is_wrong(BehindReading::QuarantineByKey) && self.queue.value.is_some() {
            self.queue.value = Some(write);
            self.queue.quarantine(write);
        }
        Some(())
    }

    pub(super) fn append_flush(&mut self, by: usize) -> Option<()> {
        let Reader::Committed(flushed) = self.processes.get(by)?.reader else { return None };
        let event = self.append_event(by);
        self.processes.get_mut(by)?.reader = Reader::Appended(flushed, event);
        Some(())
    }

    pub(super) fn complete(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        let process = self.processes.get_mut(by)?;
        let Reader::Appended(flushed, event) = process.reader else { return None };
        match event.map(|event| process.tail.append_status(&event)) {
            Some(AppendStatus::Pending) => return None,
            Some(AppendStatus::AppendAgain) => {
                process.reader = Reader::Committed(flushed);
                return Some(());
            }
            Some(AppendStatus::Applied) | None => {}
        }
        let has_waited =
            flushed.at + model.lag <= self.now || model.is_wrong(BehindReading::CompletedBeforeTheLag);
        has_waited.then_some(())?;
        process.reader = Reader::Idle;
        self.queue.complete(flushed.write);
        if model.is_wrong(BehindReading::CompletesTheKey) {
            self.queue.value.take_if(|value| value.place != Place::Dead);
        }
        let required = Required { at_least: self.newest_readable(flushed.row), not: 0 };
        self.require(by, required)
    }

    pub(super) fn retry(&mut self, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.retries)?;
        self.clock += 1;
        self.queue.retry(self.time())?;
        if let (true, Some(value)) =
            (model.is_wrong(BehindReading::RetryGetsANewNumber), &mut self.queue.value)
        {
            value.sequence = self.queue.last;
        }
        Some(())
    }
}
