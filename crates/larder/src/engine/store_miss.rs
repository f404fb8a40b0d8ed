//! The reason of a miss whose lookup in the shared tier has no result.

use larder_core::outcome::MissReason;

use crate::engine::shared::Engine;

/// Returns the reason of a miss whose lookup in the shared tier failed with this reason.
///
/// `missing` is the reason of the lookup in memory. If memory had a value, its reason says more
/// than that the shared tier is not trusted.
pub(crate) fn miss_reason(shared: Option<MissReason>, missing: MissReason) -> MissReason {
    match shared {
        Some(MissReason::Unconfirmed | MissReason::Starting) if missing != MissReason::NeverStored => missing,
        reason => reason.unwrap_or(missing),
    }
}

/// Returns the reason to report if the shared tier is not trusted.
///
/// A process that has just started has not read the log yet. There is no stored value that it
/// refuses to trust.
pub(crate) fn untrusted_reason(engine: &Engine) -> MissReason {
    if engine.log.has_caught_up() { MissReason::Unconfirmed } else { MissReason::Starting }
}
