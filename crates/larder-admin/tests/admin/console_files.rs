//! The files of the console: all of them are served, and used, and allowed by its policy.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use axum::Router;
use larder::Cache;
use sha2::{Digest, Sha256};

use crate::console::{open, resolve};
use crate::support::OPERATOR;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/console")
}

/// Returns all files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

/// Returns the paths of all files that a browser loads, beside the shell: `/assets/main.js`.
pub(crate) fn paths() -> Vec<String> {
    let files = ["assets", "vendor"].into_iter().flat_map(|name| walk(&folder().join(name)));
    let served = files.filter(|path| matches!(extension(path), "js" | "css" | "svg"));
    served.map(|path| format!("/{}", path.strip_prefix(folder()).unwrap().display())).collect()
}

fn extension(path: &Path) -> &str {
    path.extension().map_or("", |extension| extension.to_str().unwrap())
}

fn read(path: &str) -> String {
    fs::read_to_string(folder().join(path.trim_start_matches('/'))).unwrap()
}

fn admin() -> Router {
    larder_admin::router(&Cache::default()).bearer_token(OPERATOR)
}

#[tokio::test]
async fn each_file_is_served_as_it_is() {
    let app = admin();
    let paths = paths();
    assert!(paths.len() > 30, "{paths:?}");
    for path in paths {
        let page = open(&app, &path).await;
        assert_eq!(page.body, read(&path), "{path}");
        let kind = page.headers["content-type"].to_str().unwrap();
        let expected = match extension(Path::new(&path)) {
            "js" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            _ => "image/svg+xml",
        };
        assert_eq!(kind, expected, "{path}");
    }
}

/// Returns the files that a script imports.
fn imports(script: &str) -> Vec<&str> {
    let froms = script.split(" from '").skip(1).filter_map(|rest| rest.split_once("';"));
    froms.map(|(name, _)| name).collect()
}

#[tokio::test]
async fn each_file_is_used_and_each_file_that_is_used_exists() {
    let app = admin();
    let shell = open(&app, "/").await.body;
    let mut found = BTreeSet::new();
    let links = ["href=\"", "src=\""].into_iter().flat_map(|name| shell.split(name).skip(1));
    let mut open_paths: Vec<String> =
        links.map(|rest| resolve("/", rest.split('"').next().unwrap())).collect();
    while let Some(path) = open_paths.pop() {
        if !found.insert(path.clone()) {
            continue;
        }
        let page = open(&app, &path).await;
        assert_eq!(page.status, 200, "{path}");
        if path.starts_with("/assets/") {
            open_paths.extend(imports(&page.body).into_iter().map(|name| resolve(&path, name)));
        }
    }
    assert_eq!(found, paths().into_iter().collect());
}

/// Texts that the policy forbids, that put a token where others find it, or make text to HTML.
const FORBIDDEN: &[&str] = &[
    "localStorage",
    "sessionStorage",
    "indexedDB",
    "document.cookie",
    "innerHTML",
    "outerHTML",
    "insertAdjacentHTML",
    "document.write",
    "eval(",
    "new Function",
    "style=\"",
    "setAttribute('style",
    "http://",
    "https://",
    "console.log",
];

#[test]
fn no_own_file_does_what_the_policy_forbids() {
    let own = walk(&folder().join("assets"));
    for path in own.into_iter().filter(|path| extension(path) != "svg") {
        let text = fs::read_to_string(&path).unwrap();
        for word in FORBIDDEN {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
    let shell = read("assets/index.html");
    for script in shell.split("<script").skip(1) {
        let (start, rest) = script.split_once('>').unwrap();
        assert!(start.contains("src=") && rest.starts_with("</script>"), "{script}");
    }
    assert!(!shell.contains("<style") && !shell.contains(" on"), "{shell}");
}

/// Returns the names of the colours of a theme, in its block of `theme.css`.
fn colors<'a>(styles: &'a str, selector: &str) -> Vec<&'a str> {
    let begin = format!("\n{selector} {{\n");
    let blocks = styles.split(&*begin).skip(1);
    let lines = blocks.flat_map(|rest| rest.split('}').next().unwrap().lines());
    let declared = lines.filter_map(|line| line.trim().strip_prefix("--")?.split_once(':'));
    declared.map(|(name, _)| name).collect()
}

#[test]
fn each_theme_has_each_color_once() {
    let styles = read("assets/style/theme.css");
    let light = colors(&styles, ":root");
    assert!(light.len() > 15, "{light:?}");
    assert_eq!(colors(&styles, ":root[data-theme=\"dark\"]"), light);
    assert_eq!(styles.matches("  --").count(), 2 * light.len(), "no colour is elsewhere");
    for path in walk(&folder().join("assets/style")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(!text.contains("prefers-color-scheme"), "{}: a script sets the theme", path.display());
    }
}

#[test]
fn the_theme_is_set_before_anything_is_drawn() {
    let shell = read("assets/index.html");
    let (before, script) = shell.split_once("<script").unwrap();
    let script = script.split('>').next().unwrap();
    assert_eq!(script, " src=\"{base}assets/system-theme.js\"", "it is no module, and not deferred");
    assert!(!before.contains("stylesheet") && !before.contains("<body"), "{before}");
}

#[test]
fn scripts_are_small() {
    for path in walk(&folder().join("assets")).into_iter().filter(|path| extension(path) == "js") {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("/**"), "{} does not say what it is", path.display());
        assert!(text.lines().count() <= 200, "{}", path.display());
    }
}

/// A row of `vendor/README.md`.
struct Vendored {
    file: String,
    version: String,
    licence: String,
    digest: String,
}

fn vendored() -> Vec<Vendored> {
    let table = read("vendor/README.md");
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>());
    let code = |cell: &str| cell.split('`').nth(1).unwrap().to_owned();
    let row = |cells: Vec<&str>| Vendored {
        file: code(cells[0]),
        version: cells[2].to_owned(),
        licence: code(cells[3]),
        digest: code(cells[4]),
    };
    cells.map(row).collect()
}

#[test]
fn each_vendored_file_is_that_of_the_table_and_has_a_licence() {
    let vendored = vendored();
    for Vendored { file, version, licence, digest } in &vendored {
        let found = Sha256::digest(read(&format!("vendor/{file}")).as_bytes());
        let found: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(found, *digest, "{file}");
        assert_eq!(version.split('.').count(), 3, "{file}: {version}");
        assert!(read(&format!("vendor/{licence}")).len() > 500, "{licence}");
    }
    let listed: BTreeSet<String> = vendored.into_iter().map(|one| format!("/vendor/{}", one.file)).collect();
    let present = paths().into_iter().filter(|path| path.starts_with("/vendor/")).collect();
    assert_eq!(listed, present);
    // The file of htm contains Preact.
    assert!(read("vendor/LICENSE-preact").contains("Copyright (c) 2015-present Jason Miller"));
}
