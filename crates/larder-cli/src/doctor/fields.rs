//! Named values that a server reports: the answers to `INFO` and to `CONFIG GET`.

use std::collections::BTreeMap;

/// Values by name. A server leaves out what it does not know or may not tell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Fields(BTreeMap<String, String>);

impl Fields {
    /// Reads the answer to `INFO`.
    pub(crate) fn from_info(info: &str) -> Self {
        let pairs = info.lines().filter_map(|line| line.split_once(':'));
        Self(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// Collects pairs of names and values.
    pub(crate) fn from_pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Returns a value that is a whole number.
    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.get(name)?.parse().ok()
    }

    /// Returns the sum over all databases of a number in `INFO keyspace`, such as `keys`.
    ///
    /// Without a database, there are no keys. Returns `None` if the server reported no field.
    pub(crate) fn keyspace(&self, what: &str) -> Option<u64> {
        let databases = self.0.iter().filter(|(name, _)| is_database(name));
        let number = |value: &str| {
            value.split(',').find_map(|part| part.strip_prefix(what)?.strip_prefix('=')?.parse::<u64>().ok())
        };
        (!self.is_empty()).then(|| databases.filter_map(|(_, value)| number(value)).sum())
    }
}

fn is_database(name: &str) -> bool {
    name.strip_prefix("db").is_some_and(|number| number.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_databases_are_read() {
        let info = "# Memory\r\nused_memory:5\r\nmaxmemory_policy:noeviction\r\n# Keyspace\r\n\
            db0:keys=5,expires=3,avg_ttl=0\r\ndb12:keys=2,expires=1,avg_ttl=0\r\n";
        let fields = Fields::from_info(info);
        assert_eq!((fields.number("used_memory"), fields.number("maxmemory")), (Some(5), None));
        assert_eq!(fields.get("maxmemory_policy"), Some("noeviction"));
        assert_eq!(fields.number("maxmemory_policy"), None);
        assert_eq!((fields.keyspace("keys"), fields.keyspace("expires")), (Some(7), Some(4)));
        assert_eq!(Fields::default().keyspace("keys"), None);
        assert_eq!(Fields::from_info("a:b").keyspace("keys"), Some(0));
    }
}
