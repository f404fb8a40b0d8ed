//! A request extension by which its sender learns how the cache handled the request.

use std::sync::Arc;

use larder_core::outcome::Outcome;
use tokio::sync::watch;

/// Reports to the sender of a request, as an extension of the request.
///
/// Only requests that memory alone does not answer are reported. A hit in memory reads no
/// extension.
#[derive(Clone)]
pub(crate) struct FillProbe(Arc<watch::Sender<ProbeReport>>);

/// The facts about the handling of a request that are known so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct ProbeReport {
    pub(crate) outcome: Option<Outcome>,
    /// Whether the response of the handler was stored.
    pub(crate) is_stored: Option<bool>,
}

impl FillProbe {
    /// Returns a probe, and the receiver of its report.
    ///
    /// The report is final once all clones of the probe are dropped.
    pub(crate) fn new() -> (Self, watch::Receiver<ProbeReport>) {
        let (sender, report) = watch::channel(ProbeReport::default());
        (Self(Arc::new(sender)), report)
    }

    pub(crate) fn note_outcome(&self, outcome: Outcome) {
        self.0.send_modify(|report| report.outcome = Some(outcome));
    }

    /// Notes whether a response was stored. If layers are nested, it is enough that one has it.
    pub(crate) fn note_stored(&self, is_stored: bool) {
        self.0.send_modify(|report| report.is_stored = Some(is_stored || report.is_stored == Some(true)));
    }
}
