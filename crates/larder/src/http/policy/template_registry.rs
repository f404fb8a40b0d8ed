//! The key templates of the layers of a cache, to find two layers with the same one.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::http::policy::Policy;
use crate::http::policy::key::KeySource;

/// The key templates of all layers of one cache that exist.
#[derive(Default)]
pub(crate) struct TemplateRegistry(Mutex<Vec<Weak<str>>>);

/// The place of a layer in the registry. It ends with the layer.
#[derive(Debug)]
pub(crate) struct RegisteredTemplate(#[allow(dead_code)] Option<Arc<str>>); // It is only dropped.

impl TemplateRegistry {
    /// Registers the key template of a new layer.
    ///
    /// Logs a warning if it is the second layer with this template, because each of them then
    /// serves responses of the other.
    pub(crate) fn register(&self, policy: &Policy) -> RegisteredTemplate {
        let KeySource::Template(template) = &policy.key else { return RegisteredTemplate(None) };
        let keys: Arc<str> = keys_of(policy, &template.shape()).into();
        if self.add(&keys) == 1 {
            tracing::warn!(
                target: "larder",
                template = template.as_str(),
                "two layers have the same key template, so each serves responses of the other: begin \
                 each template with a text of its own, or use clones of one layer if that is intended",
            );
        }
        RegisteredTemplate(Some(keys))
    }

    /// Adds the keys of a layer, and returns how many other layers with the same keys exist.
    fn add(&self, keys: &Arc<str>) -> usize {
        let mut layers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        layers.retain(|other| other.strong_count() > 0);
        let same = layers.iter().filter_map(Weak::upgrade).filter(|other| other == keys).count();
        layers.push(Arc::downgrade(keys));
        same
    }
}

/// Returns a text for the keys that a policy makes, as far as they can be equal to those of others.
///
/// The names of parameters do not matter. Keys of policies with different header fields, cookies or
/// partitions are never equal.
fn keys_of(policy: &Policy, shape: &str) -> String {
    let (fields, cookies) = (&policy.key_headers, &policy.cookies.keyed);
    format!("{shape} {fields:?} {cookies:?} {}", policy.partition.is_some())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::header::{ACCEPT_LANGUAGE, FROM};

    use super::*;

    fn keys(with: impl FnOnce(Policy) -> Policy) -> Arc<str> {
        keys_of(&with(Policy::ttl(Duration::from_secs(1))), "item:{}").into()
    }

    #[test]
    fn keys_are_equal_unless_another_part_of_them_differs() {
        let plain = keys(|policy| policy);
        assert_eq!(plain, keys(|policy| policy.query_only(["page"]).tag("x")));
        let others = [
            keys(|policy| policy.key_header(FROM)),
            keys(|policy| policy.key_header(ACCEPT_LANGUAGE)),
            keys(|policy| policy.key_cookie("a")),
            keys(|policy| policy.partition(|_| None)),
        ];
        for (at, one) in others.iter().enumerate() {
            assert!(*one != plain && !others[at + 1..].contains(one), "{one}");
        }
    }

    #[test]
    fn only_layers_that_exist_count() {
        let registry = TemplateRegistry::default();
        let (first, second) = (keys(|policy| policy), keys(|policy| policy));
        assert_eq!(registry.add(&first), 0);
        assert_eq!(registry.add(&second), 1);
        assert_eq!(registry.add(&keys(|policy| policy.key_cookie("a"))), 0);
        drop((first, second));
        assert_eq!(registry.add(&keys(|policy| policy)), 0);
    }
}
