//! Events: what an invalidation does, and to which responses.

use super::Selector;

/// The effect of an invalidation on the responses that it names.
///
/// The enum is exhaustive on purpose: a response is refused or it is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[allow(clippy::exhaustive_enums)]
pub enum Mode {
    /// The responses are never served again.
    #[default]
    Hard,
    /// The responses count as stale from that moment.
    ///
    /// They may still be served within `stale-while-revalidate` and `stale-if-error`.
    Soft,
}

/// An invalidation in the log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[allow(clippy::exhaustive_structs)]
pub struct Event {
    /// The effect on the named responses.
    pub mode: Mode,
    /// The responses that the event names.
    pub selector: Selector,
}

impl Event {
    /// The hard invalidation of everything. An unreadable event must be treated as this one.
    pub const EVERYTHING: Self = Self { mode: Mode::Hard, selector: Selector::All };
}
