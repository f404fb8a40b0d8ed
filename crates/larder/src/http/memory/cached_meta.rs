//! The metadata of a stored response in memory, in a form that takes little of it.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use larder_core::http::freshness::Lifetime;
use larder_core::http::range::ContentRange;
use larder_core::http::response_flags::ResponseFlags;
use larder_core::http::vary::{SelectingField, SelectingFields};
use larder_core::invalidation::names::Names;
use larder_core::invalidation::position::Position;
use larder_core::stored::Meta;
use larder_core::time::WallTime;

use crate::engine::allocated_size::allocated;

/// The [`Meta`] of a stored response in memory.
///
/// Durations are whole nanoseconds, up to five centuries, as in the shared tier.
#[derive(Clone)]
pub(crate) struct CachedMeta {
    pub(crate) key: Arc<str>,
    pub(crate) names: Names,
    pub(crate) position: Position,
    pub(crate) response_time: WallTime,
    pub(crate) flags: ResponseFlags,
    /// The time that the handler took to make the response.
    pub(crate) cost_nanos: u64,
    initial_age: u64,
    fresh: u64,
    while_revalidate: u64,
    if_error: u64,
    rare: Option<Box<RareMeta>>,
}

/// Metadata that most responses don't have.
#[derive(Clone)]
struct RareMeta {
    selecting: SelectingFields,
    part: Option<ContentRange>,
    upstream_cache_status: Option<HeaderValue>,
}

impl CachedMeta {
    /// Returns the form for memory. The other parameter is the `Cache-Status` of other caches,
    /// nearer to the origin.
    pub(super) fn new(meta: Meta, upstream_cache_status: Option<HeaderValue>) -> Self {
        let Meta { key, selecting, names, position, response_time, .. } = meta;
        let is_rare = !selecting.is_empty() || meta.part.is_some() || upstream_cache_status.is_some();
        let rare = is_rare.then(|| RareMeta { selecting, part: meta.part, upstream_cache_status });
        Self {
            key,
            names,
            position,
            response_time,
            flags: meta.flags,
            cost_nanos: nanos(meta.cost),
            initial_age: nanos(meta.initial_age),
            fresh: nanos(meta.lifetime.fresh),
            while_revalidate: nanos(meta.lifetime.while_revalidate),
            if_error: nanos(meta.lifetime.if_error),
            rare: rare.map(Box::new),
        }
    }

    /// Returns the form that all tiers have in common.
    pub(crate) fn to_meta(&self) -> Meta {
        Meta {
            key: Arc::clone(&self.key),
            selecting: self.selecting().into(),
            names: self.names.clone(),
            position: self.position,
            response_time: self.response_time,
            initial_age: self.initial_age(),
            lifetime: self.lifetime(),
            cost: self.cost(),
            flags: self.flags,
            part: self.part().cloned(),
        }
    }

    /// Returns the request's values of the fields that the response varies on.
    #[inline]
    pub(crate) fn selecting(&self) -> &[SelectingField] {
        self.rare.as_ref().map_or(&[], |rare| &rare.selecting)
    }

    /// Returns the part of the body that is stored. `None` if all of it is.
    #[inline]
    pub(crate) fn part(&self) -> Option<&ContentRange> {
        self.rare.as_ref()?.part.as_ref()
    }

    /// Returns the `Cache-Status` of other caches, nearer to the origin.
    #[inline]
    pub(crate) fn upstream_cache_status(&self) -> Option<&HeaderValue> {
        self.rare.as_ref()?.upstream_cache_status.as_ref()
    }

    #[inline]
    pub(crate) const fn lifetime(&self) -> Lifetime {
        Lifetime {
            fresh: self.fresh(),
            while_revalidate: Duration::from_nanos(self.while_revalidate),
            if_error: Duration::from_nanos(self.if_error),
        }
    }

    /// Returns the freshness lifetime.
    #[inline]
    pub(crate) const fn fresh(&self) -> Duration {
        Duration::from_nanos(self.fresh)
    }

    /// Returns the age at the moment at which the response arrived.
    pub(crate) const fn initial_age(&self) -> Duration {
        Duration::from_nanos(self.initial_age)
    }

    /// Returns the time that the handler took to make the response.
    pub(crate) const fn cost(&self) -> Duration {
        Duration::from_nanos(self.cost_nanos)
    }

    /// Returns the number of bytes that the rare parts take, besides the names.
    pub(super) fn rare_weight(&self) -> usize {
        let Some(rare) = &self.rare else { return 0 };
        let value = |value: &Option<HeaderValue>| value.as_ref().map_or(0, |value| allocated(value.len()));
        let fields: usize = rare.selecting.iter().map(|(_, selected)| value(selected)).sum();
        allocated(size_of::<RareMeta>())
            + allocated(size_of_val(&*rare.selecting))
            + fields
            + value(&rare.upstream_cache_status)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
