//! The steps of writes, discards and loads.

use larder_core::invalidation::append_status::{AppendStatus, Appended};
use larder_core::invalidation::log_page::Cursor;
use larder_core::invalidation::position::Position;

use super::log::{Log, boot, event, names};
use super::process::{Load, LoadStep, LoggedAnswer, Progress, Required, Stored, Write};
use super::step::spend;
use super::world::shared;
use super::{BehindModel, BehindReading, BehindWorld, Durability};

/// A step of a write after its first push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum WriterStep {
    /// It is pushed again.
    Repeat,
    /// It ends without an event, for example because a late push was not waited for.
    Abandon,
    /// It appends its event.
    Append,
    /// It defers its event, and is acknowledged.
    Defer,
    /// It gets the answer to a push that has appended its event, with a page of the log.
    TakeAnswer,
}

impl WriterStep {
    pub(super) const ALL: [Self; 5] =
        [Self::Repeat, Self::Abandon, Self::Append, Self::Defer, Self::TakeAnswer];
}

impl BehindWorld {
    pub(super) fn begin_write(&mut self, by: usize, progress: Progress, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.writes)?;
        let process = self.processes.get(by)?;
        let (began, is_behind) = (Some(process.tail.position()), process.is_behind);
        self.pushes += 1;
        let version = self.pushes;
        self.push(version, is_behind, model);
        let write = Write { began, version, is_discard: false, progress };
        self.processes.get_mut(by)?.writes.push(write);
        if progress == Progress::Pushed && model.is_wrong(BehindReading::AcknowledgedBeforeTheEvent) {
            self.acknowledge(by, &write)?;
        }
        Some(())
    }

    /// Pushes a write, appends its event and polls, in one step.
    pub(super) fn push_logged(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.logged)?;
        spend(&mut self.left.writes)?;
        let process = self.processes.get(by)?;
        let (began, is_behind) = (process.tail.position(), process.is_behind);
        self.pushes += 1;
        let version = self.pushes;
        if !model.is_wrong(BehindReading::EventBeforeThePush) {
            self.push(version, is_behind, model);
        }
        self.log.append(boot(self.now));
        let log = (self.log.life, self.log.events);
        let progress = Progress::Logged(LoggedAnswer { sent: self.now, began, log });
        let write = Write { began: Some(began), version, is_discard: false, progress };
        self.processes.get_mut(by)?.writes.push(write);
        Some(())
    }

    /// Takes in the answer to a push that has appended its event.
    fn take_answer(&mut self, by: usize, write: &Write, model: &BehindModel) -> Option<Write> {
        let Progress::Logged(LoggedAnswer { sent, began, log: (life, events) }) = write.progress else {
            return None;
        };
        if model.is_wrong(BehindReading::EventBeforeThePush) {
            self.push(write.version, self.processes.get(by)?.is_behind, model);
        }
        let tail = &mut self.processes.get_mut(by)?.tail;
        let Position { incarnation, watermark } = began;
        let cursor = Cursor { incarnation, after: watermark.log, ..tail.cursor(boot(sent)) };
        let log = Log { life, events };
        let appended = log.newest(boot(self.now));
        tail.note_appended(&appended);
        if model.is_wrong(BehindReading::PageInAnyOrder) {
            tail.apply_page(&log.page(&cursor), boot(sent));
        } else {
            tail.apply_pushed_page(&cursor, &log.page(&cursor), boot(sent));
        }
        Some(Write { progress: Progress::Appended(appended), ..*write })
    }

    pub(super) fn take_write(
        &mut self,
        by: usize,
        one: usize,
        step: WriterStep,
        model: &BehindModel,
    ) -> Option<()> {
        let write = *self.processes.get(by)?.writes.get(one)?;
        match step {
            WriterStep::Repeat => {
                let write = self.repeat(by, write, model)?;
                self.replace_write(by, one, write)?;
            }
            WriterStep::Abandon => {
                let may_end = matches!(write.progress, Progress::Pushed | Progress::Logged(_));
                (may_end && !write.is_discard).then_some(())?;
                spend(&mut self.left.abandoned)?;
                self.processes.get_mut(by)?.writes.remove(one);
            }
            WriterStep::Append => {
                self.may_append(&write, model).then_some(())?;
                let appended = self.log.append(boot(self.now));
                let process = self.processes.get_mut(by)?;
                process.tail.note_appended(&appended);
                let mut write = Write { progress: Progress::Appended(appended), ..write };
                if model.is_wrong(BehindReading::BeginsAfterThePush) && write.began.is_some() {
                    write.began = Some(process.tail.position());
                }
                self.replace_write(by, one, write)?;
            }
            WriterStep::TakeAnswer => {
                let write = self.take_answer(by, &write, model)?;
                self.replace_write(by, one, write)?;
                self.finish_writes(by)?;
            }
            WriterStep::Defer => {
                self.may_append(&write, model).then_some(())?;
                spend(&mut self.left.deferred)?;
                let process = self.processes.get_mut(by)?;
                process.tail.defer(&[event()], boot(self.now));
                process.writes.remove(one);
                let required = self.acknowledged(&write);
                self.processes.get_mut(by)?.required.add(required);
            }
        }
        Some(())
    }

    fn replace_write(&mut self, by: usize, one: usize, write: Write) -> Option<()> {
        *self.processes.get_mut(by)?.writes.get_mut(one)? = write;
        Some(())
    }

    /// Pushes a write again, with its id.
    fn repeat(&mut self, by: usize, write: Write, model: &BehindModel) -> Option<Write> {
        (write.progress == Progress::Unheard).then_some(())?;
        let process = self.processes.get(by)?;
        let (position, is_behind) = (process.tail.position(), process.is_behind);
        let is_known = self.queue.ids & (1 << write.version) != 0;
        let write = Write { progress: Progress::Pushed, ..write };
        if !is_known {
            // The store has lost the write and its id. If it has taken effect, this is the second
            // time. Otherwise it is a new write, in the order of the pushes.
            let has_taken_effect = self.committed & (1 << write.version) != 0;
            let version = if has_taken_effect { write.version } else { self.pushes + 1 };
            self.pushes = self.pushes.max(version);
            self.push(version, is_behind, model);
            return Some(Write { began: Some(position), version, ..write });
        }
        if model.is_wrong(BehindReading::DuplicateIsQueued) {
            self.push(write.version, is_behind, model);
        }
        let is_stored = model.is_wrong(BehindReading::DuplicateIsStored);
        Some(Write { began: is_stored.then_some(position), ..write })
    }

    fn push(&mut self, version: u8, is_behind: bool, model: &BehindModel) {
        self.clock += 1;
        let (next, time) = (self.queue.last + 1, self.time());
        let sequence = match model.reading {
            BehindReading::SequenceIsACounter => next,
            BehindReading::SequenceIsTheLocalTime if is_behind => 1,
            BehindReading::SequenceIsTheLocalTime | BehindReading::SequenceIsTheTime => time,
            _ => next.max(time),
        };
        self.queue.push(sequence, version);
        if model.durability == Durability::Always {
            self.durable = self.queue.clone();
        }
    }

    /// Whether a write may be acknowledged after its event.
    fn may_append(&self, write: &Write, model: &BehindModel) -> bool {
        let is_durable = self.durable.ids & (1 << write.version) != 0;
        let needs_no_wait = write.is_discard
            || model.durability != Durability::Waits
            || model.is_wrong(BehindReading::AcknowledgedBeforeItIsDurable);
        write.progress == Progress::Pushed && (is_durable || needs_no_wait)
    }

    /// Ends the writes of a process whose events its tail has passed.
    ///
    /// If they ended later, less would be required until then.
    pub(super) fn finish_writes(&mut self, by: usize) -> Option<()> {
        let writes = std::mem::take(&mut self.processes.get_mut(by)?.writes);
        for write in writes {
            let tail = &self.processes.get(by)?.tail;
            let appended = match write.progress {
                Progress::Appended(appended) => appended,
                Progress::Unheard | Progress::Pushed | Progress::Logged(_) => {
                    self.processes.get_mut(by)?.writes.push(write);
                    continue;
                }
            };
            match tail.append_status(&appended) {
                AppendStatus::Applied => self.finish(by, write, &appended)?,
                AppendStatus::Pending => self.processes.get_mut(by)?.writes.push(write),
                AppendStatus::AppendAgain => {
                    let again = Write { progress: Progress::Pushed, ..write };
                    self.processes.get_mut(by)?.writes.push(again);
                }
            }
        }
        Some(())
    }

    fn finish(&mut self, by: usize, write: Write, appended: &Appended) -> Option<()> {
        self.acknowledge(by, &write)?;
        let Some(began) = write.began else { return Some(()) };
        let tail = &self.processes.get(by)?.tail;
        match tail.written_position(&began, appended, names()) {
            Some(position) => self.store(by, Stored { version: write.version, position, filled_at: None }),
            None => Some(()),
        }
    }

    /// Notes that a write has returned.
    fn acknowledge(&mut self, by: usize, write: &Write) -> Option<()> {
        let required = self.acknowledged(write);
        self.require(by, required)
    }

    /// Returns what has to be served after a write has returned.
    fn acknowledged(&mut self, write: &Write) -> Required {
        let version = write.version;
        if write.is_discard {
            let is_gone = self.gone & (1 << version) != 0;
            return Required { at_least: 0, not: if is_gone { 1 << version } else { 0 } };
        }
        let kept = self.newest_kept(version);
        self.acknowledged = self.acknowledged.max(kept);
        Required { at_least: self.newest_readable(version), not: 0 }
    }

    /// Drops the dead letter. What it has replaced is gone as well, unless the database has it.
    pub(super) fn discard(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.discards)?;
        let version = self.queue.discard()?;
        self.lose_versions(version);
        self.acknowledged = self.newest_kept(self.acknowledged);
        let write = Write { began: None, version, is_discard: true, progress: Progress::Pushed };
        if model.is_wrong(BehindReading::DiscardAppendsNothing) {
            return self.acknowledge(by, &write);
        }
        self.processes.get_mut(by)?.writes.push(write);
        Some(())
    }

    pub(super) fn begin_load(&mut self, by: usize, model: &BehindModel) -> Option<()> {
        spend(&mut self.left.loads)?;
        if self.is_revived() && !model.stores_revived {
            return Some(());
        }
        let process = self.processes.get(by)?;
        let began = Stored { version: 0, position: process.tail.position(), filled_at: Some(boot(self.now)) };
        let step = match (self.pending(model), model.reading) {
            (_, BehindReading::AsksAfterTheRead) => LoadStep::Found(self.replica),
            (Some(version), BehindReading::AsksBeforeThePosition) => LoadStep::Found(version),
            (Some(version), _) => return self.store(by, Stored { version, ..began }),
            (None, _) => LoadStep::NothingPending,
        };
        self.processes.get_mut(by)?.loads.push(Load { position: began.position, began: self.now, step });
        Some(())
    }

    /// Returns the pending version, as a load learns it.
    fn pending(&self, model: &BehindModel) -> Option<u8> {
        let value = match model.reading {
            BehindReading::LoadsWithoutAsking => None,
            BehindReading::QuarantineIsIgnored => self.queue.readable(),
            BehindReading::AsksAReplica => self.durable.value,
            _ => self.queue.value,
        };
        value.map(|value| value.version)
    }

    pub(super) fn end_load(&mut self, by: usize, one: usize, model: &BehindModel) -> Option<()> {
        let (row, pending) = (self.replica, self.pending(model));
        let process = self.processes.get_mut(by)?;
        let now = process.tail.position();
        let Load { position, began, step } = process.loads.remove(one);
        let is_late = model.is_wrong(BehindReading::AsksBeforeThePosition);
        let version = match step {
            LoadStep::NothingPending => row,
            LoadStep::Found(version) if is_late => version,
            LoadStep::Found(version) => pending.unwrap_or(version),
        };
        let position = if is_late { now } else { position };
        self.store(by, Stored { version, position, filled_at: Some(boot(began)) })
    }

    fn store(&mut self, by: usize, stored: Stored) -> Option<()> {
        self.processes.get_mut(by)?.memory.push(stored);
        if self.left.gets > 0 {
            self.shared.push(shared(stored));
        }
        Some(())
    }
}
