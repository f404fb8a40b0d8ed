//! The layers of a cache that exist.

use std::sync::{Mutex, PoisonError, Weak};

use crate::http::policy::description::PolicyDescription;

/// A layer whose policy is in effect.
pub(crate) trait DescribePolicy: Send + Sync {
    fn describe_policy(&self) -> PolicyDescription;
}

/// The layers of one cache that exist, in the order of their creation.
#[derive(Default)]
pub(crate) struct LayerRegistry(Mutex<Vec<Weak<dyn DescribePolicy>>>);

impl LayerRegistry {
    /// Adds a new layer, and forgets those that are gone.
    pub(crate) fn add(&self, layer: Weak<dyn DescribePolicy>) {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        layers.retain(|layer| layer.strong_count() > 0);
        layers.push(layer);
    }

    /// Describes the policies of the layers that exist.
    pub(crate) fn policies(&self) -> Vec<PolicyDescription> {
        let layers = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        layers.iter().filter_map(Weak::upgrade).map(|layer| layer.describe_policy()).collect()
    }
}
