//! The invalidation log, as this process sees it.

mod catch_up;
mod follow;
mod group;
mod invalidate;
mod keyed;
mod recent;
mod repeat;
mod view;

pub(crate) use follow::start;
pub(crate) use group::Groups;
pub(crate) use invalidate::invalidate;
pub use invalidate::{Deferral, Invalidated, Invalidation};
pub(crate) use keyed::{KeyedBy, naming_also};
pub(crate) use recent::RecentWrites;
pub(crate) use repeat::{RepeatQueue, invalidate_twice};
pub(crate) use view::LogView;
