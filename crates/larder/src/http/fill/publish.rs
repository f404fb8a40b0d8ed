//! Publishing a response to followers while its body arrives.

use std::sync::Arc;

use bytes::Bytes;
use http::response;
use http_body::SizeHint;

use crate::http::body::shared_body::SharedBodyWriter;
use crate::http::fill::Fill;
use crate::http::fill::build::StorageRecord;
use crate::http::flight_event::FillEvent;
use crate::http::memory::cached_response::CachedResponse;

impl Fill {
    /// Publishes the head of a response that is to be stored.
    ///
    /// Returns the writer of its body, or `None` if followers have to wait for the end.
    pub(super) fn publish(
        &mut self,
        parts: &response::Parts,
        length: Option<u64>,
        storage: &StorageRecord,
        chunks: &[Bytes],
    ) -> Option<SharedBodyWriter> {
        // A failure is published at its end.
        if self.leader.is_none() || storage.is_failure() {
            return None;
        }
        let head = self.build_head(parts.status, parts.headers.clone(), storage);
        // First, so that a follower with other fields does not join this flight again.
        self.note_variant(&head);
        let leader = self.leader.as_ref()?;
        // A body of unknown length may turn out too large to be stored. Its followers would then
        // have to get the rest from another run of the handler, which may generate another body.
        if length.is_none() && !self.layer.policy.fill_limits.follow_unknown_length {
            leader.announce(FillEvent::HeadOnly(head));
            return None;
        }
        self.record_variation(&head);
        let writer =
            SharedBodyWriter::new(head, length.map(SizeHint::with_exact).unwrap_or_default(), chunks);
        leader.announce(FillEvent::HeadReady(Arc::clone(writer.body())));
        Some(writer)
    }

    /// Remembers the fields that the response varies on, before it is stored.
    ///
    /// From now on, only requests that would get the same response have the same flight.
    fn note_variant(&mut self, head: &CachedResponse) {
        if head.meta.selecting().is_empty() {
            return;
        }
        let key = self.context.flight_key_for(&self.layer, head);
        if let Some(leader) = &mut self.leader {
            leader.add_key(key);
        }
        self.layer.http.memory.note_vary_fields(&head.meta.key, head.meta.selecting());
    }
}
