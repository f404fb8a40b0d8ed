//! The version of a redis-server.

use std::fmt;

/// The first two numbers of the version. The tests depend on no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    pub(super) major: u32,
    pub(super) minor: u32,
}

impl Version {
    /// Parses the output of `redis-server --version`: `Redis server v=7.0.15 sha=00000000:0 …`.
    pub(super) fn parse(printed: &str) -> Option<Self> {
        let number = printed.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
        let mut parts = number.split('.').map(str::parse);
        let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
        Some(Self { major, minor })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_what_servers_print() {
        let cases = [
            ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=ae4d\n", Some((7, 0))),
            ("Redis server v=6.2.14 sha=0:0 malloc=libc bits=64", Some((6, 2))),
            // The redis-server of Fedora and Debian may be Valkey under the old name.
            ("Valkey server v=8.1.3 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", Some((8, 1))),
            ("Redis server v=10.12", Some((10, 12))),
            ("Redis server v=seven", None),
            ("Redis server v=7", None),
            ("redis-server 7.0.15", None),
            ("", None),
        ];
        for (printed, expected) in cases {
            let expected = expected.map(|(major, minor)| Version { major, minor });
            assert_eq!(Version::parse(printed), expected, "{printed}");
        }
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        let version = |major, minor| Version { major, minor };
        assert!(version(10, 0) > version(7, 2));
        assert!(version(7, 10) > version(7, 9));
        assert!(version(6, 99) < version(7, 0));
    }
}
