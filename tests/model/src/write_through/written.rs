//! The position of a value that a write stores, by each reading of rule 18.

use larder_core::invalidation::append_status::Appended;
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::{Position, Watermark};
use larder_core::invalidation::table::Verdict;

use super::world::{Stored, boot, names};
use super::{WriteModel, WriteReading, WriteWorld};

impl WriteWorld {
    /// Returns the position of a value that a write stores, by this reading of rule 18.
    pub(super) fn written_position(
        &self,
        by: usize,
        began: Position,
        appended: Appended,
        model: &WriteModel,
    ) -> Option<Position> {
        let tail = &self.processes.get(by)?.tail;
        let Watermark { log, local } = tail.position().watermark;
        let own = Watermark { log: appended.id, ..began.watermark };
        let right = |began: Position, names: &Names| tail.written_position(&began, &appended, names);
        match model.reading {
            WriteReading::StoredUnderItsBeginning => Some(began),
            WriteReading::IntervalIsIgnored => {
                (began.incarnation == appended.incarnation).then_some(Position { watermark: own, ..began })
            }
            WriteReading::OnlyTheKeyCounts => right(began, &Names::of_value("k", &[])),
            WriteReading::LocalNumberAtTheEnd => {
                let position = right(began, names())?;
                Some(Position { watermark: Watermark { local, ..position.watermark }, ..position })
            }
            WriteReading::StoredUnderTheTail => {
                let position = right(began, names())?;
                Some(Position { watermark: Watermark { log, ..position.watermark }, ..position })
            }
            WriteReading::IncarnationsAreCompared => {
                right(Position { incarnation: appended.incarnation, ..began }, names())
            }
            _ => right(began, names()),
        }
    }

    /// Returns the same for a process that has not passed the event, by what it has read so far.
    pub(super) fn position_at_once(
        &self,
        by: usize,
        began: Position,
        appended: Appended,
    ) -> Option<Position> {
        let tail = &self.processes.get(by)?.tail;
        let Position { incarnation, watermark: reached } = tail.position();
        let known = Appended { id: reached.log, ..appended };
        let is_clean =
            reached.log == began.watermark.log || tail.written_position(&began, &known, names()).is_some();
        let is_one = incarnation == began.incarnation && incarnation == appended.incarnation;
        let watermark = Watermark { log: appended.id, ..began.watermark };
        (is_clean && is_one).then_some(Position { watermark, ..began })
    }

    /// Whether nothing has disturbed the write, so that its value must be served.
    pub(super) fn would_be_useful(&self, by: usize, began: Position, appended: Appended) -> bool {
        self.processes.get(by).is_some_and(|process| {
            !process.has_forgotten
                && !self.is_disturbed(began, &appended)
                && !self.is_named_after(appended.id)
                && process.tail.position().watermark.local == began.watermark.local
        })
    }

    /// Whether a value with this position is served, once the log is confirmed.
    pub(super) fn is_served(&self, by: usize, position: Position) -> bool {
        self.processes.get(by).is_some_and(|process| {
            let stored = Stored { shows: 0, position, filled_at: None };
            let is_confirmed = process.tail.confirmed_at() == Some(boot(self.now));
            let verdict = process.tail.check(&position, names(), boot(self.now));
            verdict == Verdict::Valid
                && (!is_confirmed || process.serves(&stored, self.now) == Some(Verdict::Valid))
        })
    }
}
