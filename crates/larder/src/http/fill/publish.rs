//! Publishing a response to followers while its body arrives.

use std::sync::Arc;

use bytes::Bytes;
use http::response;
use http_body::SizeHint;

use crate::http::body::shared_body::SharedBodyWriter;
use crate::http::fill::Fill;
use crate::http::fill::build::StorageRecord;
use crate::http::flight_event::FillEvent;

impl Fill {
    /// Publishes the head of a response that is to be stored.
    ///
    /// Returns the writer of its body, or `None` if followers have to wait for the end.
    pub(crate) fn publish(
        &self,
        parts: &response::Parts,
        length: Option<u64>,
        storage: &StorageRecord,
        chunks: &[Bytes],
    ) -> Option<SharedBodyWriter> {
        let leader = self.leader.as_ref()?;
        // A failure is published at its end. A body of unknown length may turn out too large to be
        // stored. Its followers would then have to get the rest from another run of the handler,
        // which may generate another body.
        let is_promised = length.is_some() || self.layer.policy.fill_limits.follow_unknown_length;
        if storage.is_failure() || !is_promised {
            return None;
        }
        let head = self.build_head(parts.status, parts.headers.clone(), storage);
        self.record_variation(&head);
        let writer =
            SharedBodyWriter::new(head, length.map(SizeHint::with_exact).unwrap_or_default(), chunks);
        leader.announce(FillEvent::HeadReady(Arc::clone(writer.body())));
        Some(writer)
    }
}
