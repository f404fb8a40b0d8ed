//! Adding a coded form to a stored response.

use std::sync::Arc;

use bytes::Bytes;
use larder_core::http::content_coding::ContentCoding;

use crate::engine::memory_tier::Weigh as _;
use crate::http::memory::ResponseMemory;
use crate::http::memory::cached_response::CachedResponse;
use crate::http::memory::slot::{Slot, SlotKey};

impl ResponseMemory {
    /// Adds a coded body to the response with the body of `cached`, if that is still stored.
    ///
    /// A response that would be too large for the memory stays as it is, and is not coded again.
    /// Another response under the key does not change.
    pub(crate) fn add_coded_body(&self, cached: &CachedResponse, coding: ContentCoding, coded: &Bytes) {
        let slot_key = SlotKey { key: cached.meta.key.clone(), variant: cached.variant() };
        // The form is made outside of the lock. Once more if another one came in between.
        for _ in 0..ContentCoding::ALL.len() {
            let Some(Slot::Response(current)) = self.slots.peek(&slot_key.borrowed()) else { return };
            if !current.has_body_of(cached) {
                return;
            }
            let mut with_form = Slot::Response(Arc::new(current.with_coded_body(coding, coded)));
            if slot_key.weight().saturating_add(with_form.weight()) > self.slots.max_value() {
                with_form = Slot::Response(Arc::new(current.with_coded_body(coding, &Bytes::new())));
            }
            let replaced = self.slots.update(&slot_key, |slot| {
                let is_same = matches!(slot, Slot::Response(other) if Arc::ptr_eq(other, &current));
                is_same.then(|| std::mem::replace(slot, with_form))
            });
            if !matches!(replaced, Some(None)) {
                return;
            }
        }
    }
}
