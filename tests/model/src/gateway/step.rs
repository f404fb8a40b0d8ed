//! The steps of the model of a gateway.

use larder_core::invalidation::position::{LogId, Position, Watermark};
use larder_core::invalidation::table::Verdict;

use super::world::{Answer, Entry, Fill, boot, names};
use super::{GatewayReading, GatewayWorld, Process, Stored};

/// A process of the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Side {
    /// The service.
    Service,
    /// The gateway.
    Gateway,
}

/// A step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_enums)]
pub enum Step {
    /// Time passes.
    Tick,
    /// A write is committed, and its invalidation is appended and applied on a third process.
    Write,
    /// The log begins a new incarnation.
    Restart,
    /// A process polls the log, and applies the answer.
    Poll(Side),
    /// A process begins a fill.
    Begin(Side),
    /// The handler answers: from the database, or from the service.
    Answer(Side),
    /// The fill ends, and its response is stored.
    End(Side),
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 11] = {
        use Side::{Gateway, Service};
        [
            Self::Tick,
            Self::Write,
            Self::Restart,
            Self::Poll(Service),
            Self::Poll(Gateway),
            Self::Begin(Service),
            Self::Begin(Gateway),
            Self::Answer(Service),
            Self::Answer(Gateway),
            Self::End(Service),
            Self::End(Gateway),
        ]
    };
}

impl GatewayWorld {
    /// Takes this step. Returns `None` if it cannot be taken.
    pub(super) fn take(&mut self, step: Step, reading: GatewayReading) -> Option<()> {
        match step {
            Step::Tick => self.now += 1,
            Step::Write => {
                self.left.writes = self.left.writes.checked_sub(1)?;
                self.writes.push(self.now);
                let id = self.log.last()?.id.after();
                self.log.push(Entry { id, invalidates: true });
            }
            Step::Restart => {
                self.left.restarts = self.left.restarts.checked_sub(1)?;
                self.life += 1;
                self.log = vec![Entry { id: LogId::new(1, 0), invalidates: false }];
            }
            Step::Poll(side) => {
                self.left.polls = self.left.polls.checked_sub(1)?;
                let (page, now) = (self.page(), self.now);
                self.process(side).tail.apply_page(&page, boot(now));
            }
            Step::Begin(side) => {
                self.left.fills = self.left.fills.checked_sub(1)?;
                let now = self.now;
                let process = self.process(side);
                let fill = Fill { began: now, position: process.tail.position(), answer: None };
                process.fill.is_none().then(|| process.fill = Some(fill))?;
            }
            Step::Answer(side) => {
                let answer = self.answer(side);
                let fill = self.process(side).fill.as_mut()?;
                fill.answer.is_none().then(|| fill.answer = Some(answer))?;
            }
            Step::End(side) => self.end(side, reading)?,
        }
        Some(())
    }

    /// Returns the answer of a handler. What the service does not have stored is read now.
    fn answer(&self, side: Side) -> Answer {
        let stored = match side {
            Side::Service => None,
            Side::Gateway => self.service.served(self.now),
        };
        match stored {
            Some(stored) => Answer { version: stored.version, stated: Some(stored.position) },
            None => Answer { version: self.writes.len(), stated: None },
        }
    }

    fn end(&mut self, side: Side, reading: GatewayReading) -> Option<()> {
        let now = self.now;
        let process = self.process(side);
        let Fill { began, position, answer } = process.fill.take()?;
        let answer = answer?;
        let own = Stored { version: answer.version, position, filled_at: Some(began) };
        let stored = match answer.stated {
            None => Some(own),
            Some(stated) => lowered(own, stated, reading),
        };
        let Some(stored) = stored else { return Some(()) };
        if process.tail.check(&stored.position, &names(), boot(now)) != Verdict::Refused {
            process.memory = Some(stored);
        }
        Some(())
    }

    fn process(&mut self, side: Side) -> &mut Process {
        match side {
            Side::Service => &mut self.service,
            Side::Gateway => &mut self.gateway,
        }
    }
}

/// Returns what the gateway stores of a response that states a position.
fn lowered(own: Stored, stated: Position, reading: GatewayReading) -> Option<Stored> {
    let local = own.position.watermark.local;
    let stated = Position { watermark: Watermark { local, ..stated.watermark }, ..stated };
    let filled_at = own.filled_at.filter(|_| reading == GatewayReading::CountsAsAFill);
    match (reading, own.position.combined(stated)) {
        (GatewayReading::IgnoresThePosition, _) | (GatewayReading::IgnoresOtherIncarnations, None) => {
            Some(own)
        }
        (_, Some(position)) => Some(Stored { position, filled_at, ..own }),
        (_, None) => None,
    }
}
