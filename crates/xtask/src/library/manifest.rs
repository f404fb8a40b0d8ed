//! Manifests of the scratch workspace, made from those of the real one.

/// Returns the manifest of a workspace with these members.
///
/// It inherits the tables `[workspace.…]`, so the manifests of the members can refer to them.
pub(super) fn workspace(text: &str, members: &[String]) -> String {
    let inherited = sections(text).into_iter().filter(|section| section.starts_with("[workspace."));
    let head = format!("[workspace]\nresolver = \"3\"\nmembers = {members:?}\n\n");
    [head].into_iter().chain(inherited).collect()
}

/// Returns the manifest of a package without its dev-dependencies, tests, benches and examples.
pub(super) fn package(text: &str) -> String {
    sections(text).into_iter().filter(|section| !is_for_tests(section)).collect()
}

fn is_for_tests(section: &str) -> bool {
    let header = section.lines().next().unwrap_or_default().trim_end();
    header.ends_with("dev-dependencies]")
        || header.starts_with("[dev-dependencies.")
        || ["[[test]]", "[[bench]]", "[[example]]"].contains(&header)
}

/// Splits a manifest before each header of a table.
fn sections(text: &str) -> Vec<String> {
    let mut sections = vec![String::new()];
    for line in text.split_inclusive('\n') {
        if line.starts_with('[') {
            sections.push(String::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push_str(line);
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_loses_what_only_its_tests_need() {
        let text = "[package]\nname = \"a\"\n\n[dependencies]\nb = \"1\"\n\n[target.'cfg(unix)'.dependencies]\nc = \"1\"\n\n\
                    [target.'cfg(unix)'.dev-dependencies]\nd = \"1\"\n\n[dev-dependencies]\n# Why.\ne = { version = \"1\", features = [\n  \"f\",\n] }\n\n\
                    [[test]]\nname = \"g\"\n\n[lints]\nworkspace = true\n";
        let kept = "[package]\nname = \"a\"\n\n[dependencies]\nb = \"1\"\n\n[target.'cfg(unix)'.dependencies]\nc = \"1\"\n\n\
                    [lints]\nworkspace = true\n";
        assert_eq!(package(text), kept);
    }

    #[test]
    fn a_workspace_keeps_what_its_members_inherit() {
        let text = "# Comment.\n[workspace]\nmembers = [\"crates/*\"]\n\n[workspace.package]\nversion = \"0.1.0\"\n\n\
                    [workspace.dependencies]\na = \"1\"\n\n[profile.dev]\ndebug = false\n";
        let members = ["crates/a".to_owned(), "crates/b".to_owned()];
        let kept = "[workspace]\nresolver = \"3\"\nmembers = [\"crates/a\", \"crates/b\"]\n\n\
                    [workspace.package]\nversion = \"0.1.0\"\n\n[workspace.dependencies]\na = \"1\"\n\n";
        assert_eq!(workspace(text, &members), kept);
    }
}
