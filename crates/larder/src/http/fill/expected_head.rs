//! The stored head of a response whose body is still to come, for the fields that the client gets.

use std::sync::Arc;

use http::response;
use larder_core::http::completeness::stated_length;
use larder_core::invalidation::selector::Tag;

use crate::http::fill::Fill;
use crate::http::fill::admission::StorageInput;
use crate::http::fill::build::StorageRecord;
use crate::http::memory::cached_response::CachedResponse;

impl Fill {
    /// Returns the head of the response as it will be stored, if the policy derives fields from it.
    pub(super) fn expected_head(
        &self,
        parts: &response::Parts,
        storage: &StorageRecord,
    ) -> Option<Arc<CachedResponse>> {
        let policy = &self.layer.policy;
        let is_needed = policy.downstream.is_some() || policy.has_served_extension();
        let is_needed = is_needed && !storage.is_failure();
        is_needed.then(|| self.build_head(parts.status, parts.headers.clone(), storage))
    }

    /// Returns the head that a response to `GET` with the fields of this response to `HEAD` has.
    ///
    /// RFC 9110 §9.3.2: "The server SHOULD send the same header fields in response to a HEAD
    /// request as it would have sent if the request method had been GET."
    pub(super) fn expected_head_of_get(
        &self,
        input: StorageInput<'_>,
        tags: Vec<Tag>,
    ) -> Option<Arc<CachedResponse>> {
        let policy = &self.layer.policy;
        let is_too_large = stated_length(input.headers).is_some_and(|size| size > self.layer.max_body as u64);
        if policy.downstream.is_none() || !self.context.traits.head || self.is_late || is_too_large {
            return None;
        }
        let storage = StorageRecord::storable(self.may_store_get(input).ok()?, tags, input.times);
        Some(self.build_head(input.status, input.headers.clone(), &storage))
    }
}
