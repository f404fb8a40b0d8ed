//! The output of `apt-get --simulate`.

/// Returns the packages in the output of `apt-get --simulate install`, as `name=version`.
pub(super) fn to_install(simulated: &str) -> Vec<String> {
    let lines = simulated.lines().filter_map(|line| line.strip_prefix("Inst "));
    let package = |line: &str| {
        let name = line.split(' ').next()?;
        let version = line.split_once('(')?.1.split(' ').next()?;
        Some(format!("{name}={version}"))
    };
    lines.filter_map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_to_install_is_read_with_its_version() {
        let simulated = "Reading package lists...\nThe following NEW packages will be installed:\n  libllvm19\n\
                         Inst libllvm19 (1:19.1.7-3~deb12u1 Debian:12.15/oldstable [amd64])\n\
                         Inst rustc-web [1.96.0+dfsg1-1~deb12u2] (1.85.0+dfsg3-1~deb12u3 Debian:12.15/oldstable [amd64]) []\n\
                         Conf libllvm19 (1:19.1.7-3~deb12u1 Debian:12.15/oldstable [amd64])\n";
        assert_eq!(
            to_install(simulated),
            ["libllvm19=1:19.1.7-3~deb12u1", "rustc-web=1.85.0+dfsg3-1~deb12u3"]
        );
        assert!(to_install("E: Unable to locate package").is_empty());
    }
}
