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
        let slot_key = SlotKey::new(Arc::clone(&cached.meta.key), cached.variant());
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

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use larder_core::http::content_coding::ContentCoding::{Br, Gzip};

    use super::*;
    use crate::engine::clock::SystemClock;
    use crate::http::memory::MemoryLookup;
    use crate::http::memory::cached_response::CodedForm;
    use crate::testing::{cached, now};

    fn memory_of(bytes: u64) -> ResponseMemory {
        ResponseMemory::new(bytes, Arc::new(SystemClock))
    }

    fn current(memory: &ResponseMemory) -> Option<Arc<CachedResponse>> {
        match memory.find("a", &HeaderMap::new(), now()) {
            MemoryLookup::Found(cached) => Some(cached),
            _ => None,
        }
    }

    #[test]
    fn forms_are_added_one_by_one_and_weigh_something() {
        let memory = memory_of(1 << 20);
        let response = cached("a", "a long body");
        memory.insert(Arc::clone(&response));
        let before = memory.usage().bytes;
        memory.add_coded_body(&response, Br, &Bytes::from_static(b"br"));
        memory.add_coded_body(&response, Gzip, &Bytes::from_static(b"gzip"));
        let found = current(&memory).unwrap();
        assert_eq!(found.codings(), [Br, Gzip]);
        assert!(matches!(found.coded_form(Gzip), CodedForm::Coded(coded) if coded.body == "gzip"));
        assert_eq!((found.body.as_ref(), memory.usage().entries), (&b"a long body"[..], 1));
        let grown = found.weight() - response.weight();
        assert_eq!(memory.usage().bytes - before, grown);
        memory.insert(cached("a", "a long body"));
        assert!(memory.usage().bytes <= before, "they go with their response");
    }

    #[test]
    fn another_response_under_the_key_gets_no_form() {
        let memory = memory_of(1 << 20);
        let (old, new) = (cached("a", "version 1"), cached("a", "version 2"));
        memory.insert(Arc::clone(&old));
        memory.insert(Arc::clone(&new));
        memory.add_coded_body(&old, Br, &Bytes::from_static(b"br"));
        assert!(Arc::ptr_eq(&current(&memory).unwrap(), &new));
        memory.remove(&new);
        memory.add_coded_body(&old, Br, &Bytes::from_static(b"br"));
        assert!(current(&memory).is_none());
    }

    #[test]
    fn a_form_that_is_of_no_use_or_has_no_room_is_remembered_as_such() {
        for (bytes, coded) in [(1 << 20, Bytes::new()), (6_000, vec![b'x'; 5_800].into())] {
            let memory = memory_of(bytes);
            let response = cached("a", vec![b'x'; 2_000]);
            memory.insert(Arc::clone(&response));
            memory.add_coded_body(&response, Br, &coded);
            let found = current(&memory).unwrap();
            assert!(matches!(found.coded_form(Br), CodedForm::Useless), "{bytes}");
            assert!(matches!(found.coded_form(Gzip), CodedForm::Unknown), "{bytes}");
            assert!(found.codings().is_empty());
        }
    }
}
