//! The files that `ARCHITECTURE.md` names exist.

use crate::workspace::Workspace;

/// The places where the page may be.
const PAGES: [&str; 2] = ["docs/ARCHITECTURE.md", "ARCHITECTURE.md"];
const SOURCES: [&str; 2] = [".rs", ".lua"];

/// Names each path that the page mentions and that does not exist.
pub(crate) fn check(workspace: &Workspace) -> Vec<String> {
    let page = PAGES.iter().find_map(|page| workspace.texts.get_key_value(*page));
    let Some((page, text)) = page else {
        return vec![format!("{} is missing", PAGES[0])];
    };
    let missing = mentioned_paths(text).into_iter().filter(|(_, path)| !exists(workspace, path));
    missing.map(|(line, path)| format!("{page}:{line}: {path} does not exist")).collect()
}

/// The paths in code spans and code blocks, each with its line.
fn mentioned_paths(text: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut is_in_block = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_in_block = !is_in_block;
        } else {
            let paths = if is_in_block { paths_in_block(line) } else { paths_in_spans(line) };
            found.extend(paths.into_iter().map(|path| (index + 1, path)));
        }
    }
    found
}

fn paths_in_spans(line: &str) -> Vec<&str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.flat_map(words).filter(|word| is_source(word) || is_folder(word)).collect()
}

/// The source files in a line of a code block, and the folder that it begins with.
fn paths_in_block(line: &str) -> Vec<&str> {
    let words = words(line).enumerate();
    let paths = words.filter(|(index, word)| is_source(word) || (*index == 0 && is_folder(word)));
    paths.map(|(_, word)| word).collect()
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |letter: char| letter.is_alphanumeric() || "/._-*".contains(letter);
    text.split(move |letter| !is_part(letter)).filter(|word| !word.is_empty())
}

/// Whether a word is the path of a source file. Patterns such as `*.rs` are none.
fn is_source(word: &str) -> bool {
    let stem = SOURCES.iter().find_map(|extension| word.strip_suffix(extension));
    stem.is_some_and(|stem| !stem.is_empty() && !word.contains('*'))
}

fn is_folder(word: &str) -> bool {
    word.strip_suffix('/').is_some_and(|name| !name.is_empty() && !word.contains('*'))
}

/// Whether a file or folder has this path, or a path that ends in it.
fn exists(workspace: &Workspace, path: &str) -> bool {
    let end = format!("/{path}");
    workspace.paths.contains(path) || workspace.paths.iter().any(|known| known.ends_with(&end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_page(text: &str) -> Vec<String> {
        check(&Workspace::from_texts(&[
            ("docs/ARCHITECTURE.md", text),
            ("crates/larder/src/http/miss/lead.rs", ""),
        ]))
    }

    #[test]
    fn a_path_exists_in_full_or_by_its_end() {
        let cases = [
            "`crates/larder/src/http/miss/lead.rs`",
            "| lead | `http/miss/lead.rs`, `lead.rs` |",
            "`http/miss/` and `crates/`",
            "`*.rs`, `Policy::key`, `time/out`",
            "not code: follow.rs",
            "```text\nhttp/    the second storey\n  miss/  lead.rs\n```",
        ];
        for text in cases {
            assert_eq!(check_page(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn a_path_that_does_not_exist_is_a_violation() {
        let cases = [
            ("\n`http/miss/follow.rs`", "docs/ARCHITECTURE.md:2: http/miss/follow.rs does not exist"),
            ("`lead.rs`, `ad.rs`", "docs/ARCHITECTURE.md:1: ad.rs does not exist"),
            ("`claim.lua`", "docs/ARCHITECTURE.md:1: claim.lua does not exist"),
            ("`engine/`", "docs/ARCHITECTURE.md:1: engine/ does not exist"),
            ("```text\nengine/  rules\n```", "docs/ARCHITECTURE.md:2: engine/ does not exist"),
            ("```text\nhttp/  serve.rs\n```", "docs/ARCHITECTURE.md:2: serve.rs does not exist"),
        ];
        for (text, expected) in cases {
            assert_eq!(check_page(text), [expected], "{text}");
        }
    }

    #[test]
    fn the_page_itself_has_to_exist() {
        assert_eq!(check(&Workspace::from_texts(&[])), ["docs/ARCHITECTURE.md is missing"]);
        assert_eq!(check(&Workspace::from_texts(&[("ARCHITECTURE.md", "")])), [""; 0]);
    }
}
