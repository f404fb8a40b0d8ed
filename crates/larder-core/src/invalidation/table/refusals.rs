//! Which invalidations refuse a stored response, or make it stale.

use std::iter::once;

use super::{InvalidationTable, Names, Row, RowName};
use crate::invalidation::position::Watermark;
use crate::invalidation::refusal::{NameKind, Refusal, RefusalPlace};
use crate::invalidation::selector::Mode;
use crate::time::BootTime;

impl InvalidationTable {
    /// Returns the invalidations that [`check`](Self::check) refuses the response for.
    ///
    /// The soft ones follow, for which it counts as stale. There are none if the verdict is valid.
    pub(crate) fn refusals(&self, mark: Watermark, names: &Names, now: BootTime) -> Vec<Refusal> {
        let floor = (!self.covers(mark, self.floor)).then(|| self.floor_refusal(mark, now));
        let of_rows = self.rows_of(mark, names).flat_map(|(name, row)| {
            once(self.hard_refusal(mark, row, now))
                .chain(once(soft_refusal(mark, row, now)))
                .flatten()
                .map(move |refusal| named(refusal, name, names))
        });
        let mut refusals: Vec<_> = floor.into_iter().chain(of_rows).collect();
        refusals.sort_by_key(|refusal| refusal.mode == Mode::Soft);
        refusals
    }

    fn floor_refusal(&self, mark: Watermark, now: BootTime) -> Refusal {
        let place = place(mark, self.floor);
        let age = self.forgotten_at.elapsed_if_known(now);
        Refusal { kind: NameKind::Forgotten, ..unnamed(Mode::Hard, place, age) }
    }

    fn hard_refusal(&self, mark: Watermark, row: &Row, now: BootTime) -> Option<Refusal> {
        let is_refused = !self.covers(mark, row.hard());
        is_refused.then(|| {
            let place = place(mark, row.hard());
            unnamed(Mode::Hard, place, row.hard_moment(place).elapsed_if_known(now))
        })
    }
}

fn soft_refusal(mark: Watermark, row: &Row, now: BootTime) -> Option<Refusal> {
    let since = row.soft_since(mark)?;
    Some(unnamed(Mode::Soft, place(mark, row.soft()), since.elapsed_if_known(now)))
}

/// Returns the part of `event` that `mark` does not cover. The log comes first.
fn place(mark: Watermark, event: Watermark) -> RefusalPlace {
    if event.local > mark.local && event.log <= mark.log {
        RefusalPlace::Deferred(event.local)
    } else {
        RefusalPlace::Log(event.log)
    }
}

fn unnamed(mode: Mode, place: RefusalPlace, age: Option<std::time::Duration>) -> Refusal {
    Refusal { kind: NameKind::All, name: Box::default(), mode, place, age }
}

/// Returns the refusal with the name of its row, as the response spells it.
fn named(mut refusal: Refusal, row: RowName<'_>, names: &Names) -> Refusal {
    (refusal.kind, refusal.name) = match row {
        RowName::All => (NameKind::All, Box::default()),
        RowName::Glob(glob) => (NameKind::Glob, glob.as_str().into()),
        RowName::Digest(digest) => match names.with_digest(digest) {
            Some((kind, text)) => (kind, text.into()),
            None => (NameKind::Digest, format!("{:016x}", digest.bits()).into()),
        },
    };
    refusal
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::invalidation::position::LogId;
    use crate::invalidation::selector::{Event, Glob, Prefix, Selector, Tag, UriName};
    use crate::invalidation::table::{EventPosition, Verdict};

    const SETTLED: u64 = u64::MAX;

    fn at(seconds: u64) -> BootTime {
        BootTime::ZERO.saturating_add(Duration::from_secs(seconds))
    }

    fn names() -> Names {
        let uri = UriName::new("/shop/1?a=1").unwrap();
        Names::new("/shop/1", &["key".into()], &[uri], &[Tag::new("product:1")])
    }

    fn selectors() -> Vec<(Selector, NameKind, &'static str)> {
        vec![
            (Tag::new("product:1").into(), NameKind::Tag, "product:1"),
            (Selector::Key("key".into()), NameKind::Key, "key"),
            (UriName::new("/shop/1?a=1").unwrap().into(), NameKind::Uri, "/shop/1?a=1"),
            (UriName::new("/shop/1").unwrap().path().unwrap().into(), NameKind::Path, "/shop/1"),
            (Prefix::new("/shop").unwrap().into(), NameKind::Prefix, "/shop"),
            (Prefix::new("/").unwrap().into(), NameKind::Prefix, "/"),
            (Glob::new("/sh*/1").unwrap().into(), NameKind::Glob, "/sh*/1"),
            (Selector::All, NameKind::All, ""),
        ]
    }

    #[test]
    fn a_refusal_names_the_invalidation_its_place_and_its_age() {
        for (selector, kind, name) in selectors() {
            for mode in [Mode::Hard, Mode::Soft] {
                let mut table = InvalidationTable::new(100, 10);
                let other = Event { mode: Mode::Hard, selector: Tag::new("other").into() };
                table.apply(&other, EventPosition::Log(LogId::new(4, 0)), at(1), SETTLED);
                let event = Event { mode, selector: selector.clone() };
                table.apply(&event, EventPosition::Log(LogId::new(5, 0)), at(10), SETTLED);
                let expected = Refusal {
                    kind,
                    name: name.into(),
                    mode,
                    place: RefusalPlace::Log(LogId::new(5, 0)),
                    age: Some(Duration::from_secs(3)),
                };
                assert_eq!(table.refusals(Watermark::ZERO, &names(), at(13)), [expected]);
                let later = Watermark { log: LogId::new(5, 0), local: 0 };
                assert_eq!(table.refusals(later, &names(), at(13)), []);
            }
        }
    }

    #[test]
    fn a_deferred_one_has_its_number_and_a_forgotten_one_no_name() {
        let mut table = InvalidationTable::new(100, 10);
        let event = Event { mode: Mode::Hard, selector: Tag::new("product:1").into() };
        table.apply(&event, EventPosition::Local(7), at(1), SETTLED);
        let mark = Watermark { log: LogId::new(9, 0), local: 6 };
        let deferred = &table.refusals(mark, &names(), at(1))[0];
        assert_eq!((deferred.kind, deferred.place), (NameKind::Tag, RefusalPlace::Deferred(7)));
        table.raise_floor(LogId::new(10, 0), at(2));
        let refusals = table.refusals(mark, &names(), at(5));
        let forgotten = refusals.iter().find(|refusal| refusal.kind == NameKind::Forgotten).unwrap();
        assert_eq!(forgotten.place, RefusalPlace::Log(LogId::new(10, 0)));
        assert_eq!(forgotten.age, Some(Duration::from_secs(3)));
    }

    /// The refusals must say the same as the check, whatever the table has.
    #[test]
    fn there_are_refusals_if_and_only_if_the_verdict_is_not_valid() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut table = InvalidationTable::new(4, 2);
            for step in 1..12 {
                let (selector, ..) = random.choice(selectors()).unwrap();
                let selector = if random.bool() { selector } else { Tag::new("other").into() };
                let mode = if random.bool() { Mode::Hard } else { Mode::Soft };
                let place = match random.u8(0..4) {
                    0 => EventPosition::Local(step),
                    _ => EventPosition::Log(LogId::new(step, 0)),
                };
                table.apply(&Event { mode, selector }, place, at(step), SETTLED);
                let mark = Watermark { log: LogId::new(random.u64(0..14), 0), local: random.u64(0..14) };
                let refusals = table.refusals(mark, &names(), at(20));
                let expected = match table.check(mark, &names(), at(20)) {
                    Verdict::Refused => Some(Mode::Hard),
                    Verdict::Soft(_) => Some(Mode::Soft),
                    Verdict::Valid => None,
                };
                assert_eq!(refusals.first().map(|refusal| refusal.mode), expected, "{table:?} {mark:?}");
            }
        }
    }
}
