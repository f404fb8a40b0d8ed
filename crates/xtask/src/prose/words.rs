//! The words of a paragraph, without code, quotations and the targets of links.

use super::markdown::Paragraph;

/// A word in lower case, with the line that it stands on.
pub(super) struct Word {
    pub(super) text: String,
    pub(super) line: usize,
    /// Whether its sentence ends in a question mark.
    pub(super) is_in_question: bool,
}

/// The words of a paragraph in order.
pub(super) fn words(paragraph: &Paragraph<'_>) -> Vec<Word> {
    let letters = visible_letters(paragraph);
    let is_part = |letter: &Letter| letter.is_alphanumeric() || letter.value == '_';
    let mut words = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let length = letters[at..].iter().take_while(|letter| is_part(letter)).count();
        if length > 0 {
            let text = letters[at..at + length].iter().flat_map(|letter| letter.value.to_lowercase());
            let is_in_question = ends_in_question(&letters[at + length..]);
            words.push(Word { text: text.collect(), line: letters[at].line, is_in_question });
        }
        at += length.max(1);
    }
    words
}

/// The number of columns of a line without the targets of its links.
pub(super) fn width_without_targets(text: &str, width: usize) -> usize {
    let mut hidden = 0;
    let mut rest = text;
    while let Some(start) = target_start(rest) {
        let target = rest[start..].find([')', '>', ' ']).unwrap_or(rest.len() - start);
        hidden += rest[start..start + target].chars().count();
        rest = &rest[start + target..];
    }
    width.saturating_sub(hidden)
}

/// Where the target of a link or a bare address begins.
fn target_start(text: &str) -> Option<usize> {
    let link = text.find("](").map(|at| at + 2);
    let address = text.find("://");
    link.into_iter().chain(address).min()
}

struct Letter {
    value: char,
    line: usize,
}

impl Letter {
    fn is_alphanumeric(&self) -> bool {
        self.value.is_alphanumeric()
    }
}

/// The letters of a paragraph, with a space in place of each that is hidden.
fn visible_letters(paragraph: &Paragraph<'_>) -> Vec<Letter> {
    let mut hiding: Option<char> = None;
    let mut letters = Vec::new();
    for line in &paragraph.lines {
        let mut before = ' ';
        for value in line.text.chars() {
            let is_hidden = hiding.is_some();
            match hiding {
                Some(end) if value == end => hiding = None,
                Some(_) => {}
                None => hiding = closing(before, value),
            }
            letters.push(Letter { value: if is_hidden { ' ' } else { value }, line: line.number });
            before = value;
        }
        letters.push(Letter { value: ' ', line: line.number });
    }
    letters
}

/// The character that ends what this one opens: code, a quotation, or the target of a link.
fn closing(before: char, value: char) -> Option<char> {
    match (before, value) {
        (_, '`') => Some('`'),
        (_, '"') => Some('"'),
        (_, '“') => Some('”'),
        (']', '(') => Some(')'),
        _ => None,
    }
}

fn ends_in_question(rest: &[Letter]) -> bool {
    let mut ends = rest.iter().enumerate().filter(|(_, letter)| matches!(letter.value, '.' | '!' | '?'));
    let is_end = |at: usize| rest.get(at + 1).is_none_or(|next| !next.is_alphanumeric());
    ends.find(|(at, _)| is_end(*at)).is_some_and(|(_, letter)| letter.value == '?')
}
