//! The names of Larder's keys in Redis.

/// The kind of a key of Larder, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyName<'a> {
    /// `larder:<namespace>:v<schema>:…`: a stored response, or what belongs to one.
    Response { namespace: &'a str, schema: u32 },
    /// `larder:{<namespace>:log}:<what>`
    Log { namespace: &'a str, what: &'a str },
    /// `larder:{<namespace>:queue:<collection>:<partition>}:…`, or the same without a partition.
    Queue { namespace: &'a str, collection: &'a str },
}

impl<'a> KeyName<'a> {
    /// Returns `None` for a key of another program.
    pub(crate) fn parse(name: &'a str) -> Option<Self> {
        let rest = name.strip_prefix("larder:")?;
        let Some(tagged) = rest.strip_prefix('{') else {
            let (namespace, rest) = rest.split_once(":v")?;
            let schema = rest.split_once(':')?.0.parse().ok()?;
            return (!namespace.is_empty() && !namespace.contains(':'))
                .then_some(Self::Response { namespace, schema });
        };
        let (tag, what) = tagged.split_once("}:")?;
        if let Some(namespace) = tag.strip_suffix(":log") {
            return Some(Self::Log { namespace, what });
        }
        let (namespace, queue) = tag.split_once(":queue:")?;
        let collection = queue.split_once(':').map_or(queue, |(collection, _)| collection);
        Some(Self::Queue { namespace, collection })
    }

    pub(crate) fn namespace(&self) -> &'a str {
        match self {
            Self::Response { namespace, .. }
            | Self::Log { namespace, .. }
            | Self::Queue { namespace, .. } => namespace,
        }
    }

    /// Whether the key has no expiry.
    pub(crate) fn is_persistent(&self) -> bool {
        match self {
            Self::Response { .. } => false,
            Self::Log { what, .. } => !matches!(*what, "sights" | "instances" | "starts"),
            Self::Queue { .. } => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_key_is_told_from_others() {
        let cases = [
            ("larder:shop:v3:{r|a}", Some(KeyName::Response { namespace: "shop", schema: 3 })),
            ("larder:shop:v3:{r|a}:lease", Some(KeyName::Response { namespace: "shop", schema: 3 })),
            ("larder:a b:v12:x", Some(KeyName::Response { namespace: "a b", schema: 12 })),
            ("larder:{shop:log}:events", Some(KeyName::Log { namespace: "shop", what: "events" })),
            (
                "larder:{shop:queue:stock}:setup",
                Some(KeyName::Queue { namespace: "shop", collection: "stock" }),
            ),
            (
                "larder:{shop:queue:stock:7}:ids",
                Some(KeyName::Queue { namespace: "shop", collection: "stock" }),
            ),
            ("larder:shop:x", None),
            ("larder:shop:vx:a", None),
            ("larder::v1:a", None),
            ("larder:{shop}:a", None),
            ("session:1", None),
            ("", None),
        ];
        for (name, expected) in cases {
            assert_eq!(KeyName::parse(name), expected, "{name}");
        }
    }
}
