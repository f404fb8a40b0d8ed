//! The names of the keys in Redis.

use bytes::{Bytes, BytesMut};
use larder_core::lease::LeaseId;
use larder_core::stored::address;

/// The names of one store's keys.
#[derive(Debug)]
pub(crate) struct Keys {
    namespace: String,
    responses: String,
    switches: String,
    /// Names of the log's Stream, incarnation record, heartbeat, checkpoints, fence and starts.
    ///
    /// The scripts take them in this order.
    pub(crate) log: [String; 6],
    /// Names of the times at which instances announced themselves, and of their records.
    instances: [String; 2],
}

impl Keys {
    /// Returns the names in `namespace`, which must be valid.
    ///
    /// The braces around it put all of the log's keys into one slot.
    pub(crate) fn new(namespace: &str, schema: u32) -> Self {
        let log = |what| format!("larder:{{{namespace}:log}}:{what}");
        Self {
            namespace: namespace.to_owned(),
            responses: format!("larder:{namespace}:v{schema}:"),
            switches: log("switches"),
            log: ["events", "incarnation", "beat", "marks", "fence", "starts"].map(log),
            instances: ["sights", "instances"].map(log),
        }
    }

    /// Returns the namespace.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the name of the stored response under `key`.
    pub(crate) fn response(&self, key: &str) -> String {
        let mut name = String::with_capacity(self.responses.len() + key.len());
        name.push_str(&self.responses);
        name.push_str(key);
        name
    }

    /// Returns the names of the stored responses under these keys, in one allocation.
    pub(crate) fn responses(&self, keys: &[&str]) -> Vec<Bytes> {
        let length = keys.iter().map(|key| self.responses.len() + key.len()).sum();
        let mut names = BytesMut::with_capacity(length);
        for part in keys.iter().flat_map(|key| [&*self.responses, *key]) {
            names.extend_from_slice(part.as_bytes());
        }
        let mut names = names.freeze();
        keys.iter().map(|key| names.split_to(self.responses.len() + key.len())).collect()
    }

    /// Returns the name of the lease for the response under `key`.
    ///
    /// The braces of a key end before the suffix, so no response has this name.
    pub(crate) fn lease(&self, key: &str) -> String {
        let mut name = self.response(key);
        name.push_str(":lease");
        name
    }

    /// Returns the name of a large response under `key`, whose own name has a reference to it.
    ///
    /// Scripts append the same suffix.
    pub(crate) fn body(&self, key: &str) -> String {
        let mut name = self.response(key);
        name.push_str(":body");
        name
    }

    /// Returns the name under which the holder with this token leaves the result of its fill.
    pub(crate) fn word(&self, key: &str, token: LeaseId) -> String {
        format!("{}:{token}", self.lease(key))
    }

    /// Returns the encoded key of the stored response with this name.
    ///
    /// The name can be that of the key itself or of one of its variants. Returns `None` for the
    /// name of anything else.
    pub(crate) fn key_in<'a>(&self, name: &'a str) -> Option<&'a str> {
        address::key_of(name.strip_prefix(&*self.responses)?)
    }

    /// Returns the address of the stored response with this name, or of one of its variants.
    pub(crate) fn address_in<'a>(&self, name: &'a str) -> Option<&'a str> {
        self.key_in(name)?;
        name.strip_prefix(&*self.responses)
    }

    /// Returns the names of the list of instances: when each announced itself, and their records.
    ///
    /// They share the slot of the log.
    pub(crate) fn instances(&self) -> [&str; 2] {
        self.instances.each_ref().map(String::as_str)
    }

    /// Returns the name of the record of the log's incarnation.
    pub(crate) fn incarnation(&self) -> &str {
        &self.log[1]
    }

    /// Returns the name of the log's heartbeat.
    pub(crate) fn beat(&self) -> &str {
        &self.log[2]
    }

    /// Returns the name of the record of the switches, which is in the slot of the log.
    pub(crate) fn switches(&self) -> &str {
        &self.switches
    }

    /// Returns the name of the log's Stream.
    pub(crate) fn events(&self) -> &str {
        &self.log[0]
    }
}

/// Whether the text may be part of a key's name.
///
/// A colon would move the boundaries between the parts of the name, and braces would change its
/// slot.
pub(crate) fn is_namespace(text: &str) -> bool {
    !text.is_empty() && !text.contains([':', '{', '}']) && !text.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_readable_and_the_log_has_no_schema() {
        let keys = Keys::new("shop", 3);
        assert_eq!(keys.response("{u|/a}"), "larder:shop:v3:{u|/a}");
        let both = keys.responses(&["{u|/a}", "{u|/bc}"]);
        assert_eq!(both, ["larder:shop:v3:{u|/a}", "larder:shop:v3:{u|/bc}"]);
        assert_eq!(keys.lease("{u|/a}"), "larder:shop:v3:{u|/a}:lease");
        let word = format!("larder:shop:v3:{{u|/a}}:lease:{}", "0f".repeat(16));
        assert_eq!(keys.word("{u|/a}", LeaseId::from_bytes([15; 16])), word);
        assert_eq!(
            keys.log,
            [
                "larder:{shop:log}:events",
                "larder:{shop:log}:incarnation",
                "larder:{shop:log}:beat",
                "larder:{shop:log}:marks",
                "larder:{shop:log}:fence",
                "larder:{shop:log}:starts",
            ]
        );
        assert_eq!(keys.switches(), "larder:{shop:log}:switches");
        assert_eq!(keys.instances(), ["larder:{shop:log}:sights", "larder:{shop:log}:instances"]);
        assert_eq!(Keys::new("shop", 4).log, keys.log);
    }

    #[test]
    fn only_our_own_names_are_read() {
        let keys = Keys::new("shop", 3);
        for address in [address::primary("u|/a"), address::variant("u|/a", 7)] {
            assert_eq!(keys.key_in(&keys.response(&address)), Some("u|/a"));
            assert_eq!(keys.address_in(&keys.response(&address)), Some(&*address));
        }
        for name in [
            "larder:shop:v3:u|/a",
            "larder:shop:v3:{u|/a",
            "larder:shop:v3:{u|/a}:mine",
            "larder:shop:v3:{u|/a}:v:7",
            "larder:shop:v3:{u|/a}:body",
            "larder:shop:v33:{u|/a}",
            "larder:other:v3:{u|/a}",
            "larder:{shop:log}:events",
            "x:larder:shop:v3:{u|/a}",
            "",
        ] {
            assert_eq!(keys.key_in(name), None, "{name}");
        }
    }

    #[test]
    fn a_namespace_cannot_move_the_boundaries_of_a_key() {
        for text in ["larder", "shop-1", "süd", "a b", "a.b/c"] {
            assert!(is_namespace(text), "{text:?}");
        }
        for text in ["", "a:b", "a{b", "a}b", "a\nb", "a\0b"] {
            assert!(!is_namespace(text), "{text:?}");
        }
    }
}
