//! The rules, and where a file breaks them.

use super::markdown::{Form, Paragraph, paragraphs};
use super::text::{Block, Kind, ProseFile};
use super::words::{Word, width_without_targets, words};

/// A rule with the number of hits that is accepted.
pub(super) struct Rule {
    pub(super) kind: RuleKind,
    pub(super) name: &'static str,
    pub(super) limit: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RuleKind {
    FirstWord,
    Who,
    Retired,
    Width,
}

pub(super) const RULES: [Rule; 4] = [
    Rule { kind: RuleKind::FirstWord, name: "doc comments that begin with What, Who or Whoever", limit: 0 },
    Rule { kind: RuleKind::Who, name: "who, whoever in comments of the library crates", limit: 5 },
    Rule { kind: RuleKind::Retired, name: "retired words in comments and Markdown", limit: 0 },
    Rule { kind: RuleKind::Width, name: "lines over 100 columns in comments and Markdown", limit: 0 },
];

const LIBRARY_CRATES: [&str; 4] =
    ["crates/larder/", "crates/larder-core/", "crates/larder-redis/", "crates/larder-testing/"];
const FIRST_WORDS: [&str; 3] = ["What", "Who", "Whoever"];
const RETIRED: [&[&str]; 8] = [
    &["told"],
    &["tells"],
    &["anew"],
    &["nobody"],
    &["mended"],
    &["nor"],
    &["all", "the", "same"],
    &["gone", "past"],
];
const MAX_WIDTH: usize = 100;

/// A place that breaks a rule.
#[derive(Debug)]
pub(super) struct Hit {
    pub(super) kind: RuleKind,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) what: String,
}

/// Finds the hits of a file, in the order of its lines.
pub(super) fn check(file: &ProseFile) -> Vec<Hit> {
    let is_library = LIBRARY_CRATES.iter().any(|path| file.path.starts_with(path));
    let mut hits = Vec::new();
    for block in &file.blocks {
        let is_library_comment = is_library && block.kind != Kind::Markdown;
        let mut add = |kind, line, what: String| hits.push(Hit { kind, file: file.path.clone(), line, what });
        if let Some((line, word)) = forbidden_first_word(block) {
            add(RuleKind::FirstWord, line, format!("doc comment begins with `{word}`"));
        }
        for paragraph in paragraphs(block) {
            check_words(&paragraph, is_library_comment, &mut add);
            check_width(&paragraph, &mut add);
        }
    }
    hits.sort_by_key(|hit| hit.line);
    hits
}

fn forbidden_first_word(block: &Block) -> Option<(usize, &'static str)> {
    let line = block.lines.first().filter(|_| block.kind == Kind::Doc)?;
    let text = line.text.trim_start_matches(|letter: char| !letter.is_alphanumeric() && letter != '`');
    let length = text.chars().take_while(char::is_ascii_alphabetic).count();
    let word = FIRST_WORDS.into_iter().find(|word| text[..length] == **word)?;
    Some((line.number, word))
}

fn check_words(
    paragraph: &Paragraph<'_>,
    is_library_comment: bool,
    add: &mut impl FnMut(RuleKind, usize, String),
) {
    if paragraph.form == Form::Quote || paragraph.form == Form::LinkTarget {
        return;
    }
    let words = words(paragraph);
    for (at, word) in words.iter().enumerate() {
        if let Some(phrase) = RETIRED.iter().find(|phrase| is_phrase(&words[at..], phrase)) {
            add(RuleKind::Retired, word.line, format!("retired: `{}`", phrase.join(" ")));
        }
        let is_who = word.text == "who" || word.text == "whoever";
        if is_library_comment && is_who && !word.is_in_question {
            add(RuleKind::Who, word.line, format!("`{}` outside of a question", word.text));
        }
    }
}

fn is_phrase(words: &[Word], phrase: &[&str]) -> bool {
    words.len() >= phrase.len() && words.iter().zip(phrase).all(|(word, part)| word.text == *part)
}

fn check_width(paragraph: &Paragraph<'_>, add: &mut impl FnMut(RuleKind, usize, String)) {
    if !matches!(paragraph.form, Form::Prose | Form::Quote) {
        return;
    }
    for line in &paragraph.lines {
        let width = width_without_targets(&line.text, line.width);
        if width > MAX_WIDTH {
            add(RuleKind::Width, line.number, format!("{width} columns"));
        }
    }
}
