//! The packages of Rust compilers, in the output of `apt-cache madison`.

/// A version of a compiler in the package sources.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compiler {
    /// `rustc`, or `rustc-web`: Debian's newer compiler for browsers.
    package: String,
    version: String,
}

/// Finds a package of the Rust version `wanted` in the output of `apt-cache madison`.
pub(super) fn find(madison: &str, wanted: &str) -> Option<Compiler> {
    let lines = madison.lines().filter_map(|line| {
        let mut columns = line.split('|').map(str::trim);
        Some((columns.next()?, columns.next()?))
    });
    let is_wanted = |version: &str| version.strip_prefix(wanted).is_some_and(|rest| rest.starts_with('.'));
    let (package, version) = lines.into_iter().find(|(_, version)| is_wanted(version))?;
    Some(Compiler { package: package.to_owned(), version: version.to_owned() })
}

impl Compiler {
    /// The packages to ask apt for.
    ///
    /// They include the standard library, because apt would choose its newest version.
    pub(super) fn wishes(&self) -> [String; 2] {
        let Self { package, version } = self;
        let library = package.replacen("rustc", "libstd-rust", 1);
        [format!("{package}={version}"), format!("{library}-dev={version}")]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_of_the_wanted_version_is_found_among_newer_and_older_ones() {
        let bookworm = " rustc-web | 1.96.0+dfsg1-1~deb12u2 | http://deb.debian.org/debian-security bookworm-security/main amd64 Packages\n \
                        rustc-web | 1.85.0+dfsg3-1~deb12u3 | http://deb.debian.org/debian bookworm/main amd64 Packages\n     \
                        rustc | 1.63.0+dfsg1-2 | http://deb.debian.org/debian bookworm/main amd64 Packages\n";
        let web = find(bookworm, "1.85").unwrap();
        let wishes = ["rustc-web=1.85.0+dfsg3-1~deb12u3", "libstd-rust-web-dev=1.85.0+dfsg3-1~deb12u3"];
        assert_eq!(web.wishes(), wishes);
        let trixie =
            "     rustc | 1.85.0+dfsg3-1 | http://deb.debian.org/debian trixie/main amd64 Packages\n";
        let wishes = ["rustc=1.85.0+dfsg3-1", "libstd-rust-dev=1.85.0+dfsg3-1"];
        assert_eq!(find(trixie, "1.85").unwrap().wishes(), wishes);
        for wanted in ["1.8", "1.95", "1.96.1"] {
            assert_eq!(find(bookworm, wanted), None, "{wanted}");
        }
        assert_eq!(find("", "1.85"), None);
    }
}
