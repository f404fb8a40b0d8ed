//! The position of a value that a write stores (rule 18).

use super::Tail;
use crate::invalidation::append_status::{AppendStatus, Appended};
use crate::invalidation::names::Names;
use crate::invalidation::position::{Position, Watermark};

#[cfg(test)]
mod follower;
#[cfg(test)]
mod random_writes;
#[cfg(test)]
mod tests;

impl Tail {
    /// Returns the position under which a write-through stores its value (rule 18).
    ///
    /// * `began` is our [position](Self::position) from before the write has read anything that the
    ///   value shows.
    /// * `appended` is the hard invalidation of what the write changed. It names the key of the
    ///   value. Its entry has the events of this write, and no others that name the value.
    /// * `names` are the names of the value.
    ///
    /// Every event that would refuse a fill from `began` refuses the value too, except for the
    /// write's own. Returns `None` if the value must not be stored, because another write may have
    /// changed it later:
    ///
    /// * another event, hard or soft, that names the value lies between `began` and `appended`,
    ///   or may have, because names were forgotten or the log was trimmed
    /// * `began`, `appended` and this tail are not of one incarnation
    /// * this tail has not passed `appended` yet, so that it does not know what lies before
    ///
    /// The value has no `filled_at`: [`is_usable`](super::is_usable) must judge it like a response
    /// from the shared tier (rule 10). The position may already be refused because of a later
    /// event, so the value is [checked](Self::check) when it is stored, like every other one. An
    /// invalidation that was deferred has no [`Appended`], and its value is not stored anywhere.
    ///
    /// A large invalidation is appended as several entries. Then `appended` is the last of them,
    /// and the others count as events of other writes. So the value is not stored if one of them
    /// names it, and is stored if all its names stand in the last entry.
    ///
    /// # Examples
    ///
    /// ```
    /// use larder_core::invalidation::names::Names;
    /// use larder_core::invalidation::position::Incarnation;
    /// use larder_core::invalidation::selector::{Event, Mode, Selector};
    /// use larder_core::invalidation::tail::{Limits, Tail};
    /// use larder_core::time::BootTime;
    ///
    /// let mut tail = Tail::local(Incarnation::from_bytes([7; 16]), Limits::default());
    /// let names = Names::of_value("product-42", &[]);
    /// let key = Event { mode: Mode::Hard, selector: Selector::Key("product-42".into()) };
    ///
    /// let (one, other) = (tail.position(), tail.position());
    /// // Both commit now. Nothing tells which one was first, so only one of them stores its value.
    /// let appended = tail.record(&[key.clone()], BootTime::ZERO).unwrap();
    /// assert!(tail.written_position(&one, &appended, &names).is_some());
    /// let appended = tail.record(&[key], BootTime::ZERO).unwrap();
    /// assert!(tail.written_position(&other, &appended, &names).is_none());
    /// ```
    #[must_use]
    pub fn written_position(&self, began: &Position, appended: &Appended, names: &Names) -> Option<Position> {
        let Position { incarnation, watermark: mark } = *began;
        // An applied event is of our incarnation.
        let is_known =
            incarnation == appended.incarnation && self.append_status(appended) == AppendStatus::Applied;
        // A server that hides its run id may have lost the log and given the id again.
        let is_later = mark.log < appended.id;
        if !is_known || !is_later || !self.table.has_none_between(mark, appended.id, names) {
            return None;
        }
        // The table is asked for the log alone. An event that this process deferred after `began`
        // has a higher local number than `began`, and rule 3 refuses the value for it. It is
        // appended later. If its entry comes before `appended`, it lies in the interval, and if it
        // comes after, rule 3 refuses the value for its log id. This is why the local number is
        // that of `began`: the present one covers deferred events of writes that were committed
        // after this one. If the row of such an event was dropped, the floor has its local number.
        Some(Position { incarnation, watermark: Watermark { log: appended.id, local: mark.local } })
    }
}
