//! A uniform order and spelling for `Accept-Language`.

use http::header::ACCEPT_LANGUAGE;
use http::{HeaderMap, HeaderValue};

use super::weight::thousandths;
use crate::http::list::{members, trim};

/// Returns the request's `Accept-Language` in a uniform order, in lower case.
///
/// The languages are sorted by weight, and languages with the same weight by name. Returns `None`
/// if the field is missing, malformed, or already in this form.
///
/// RFC 9111 §4.1 lets a cache match values that are the same after "reordering field values when
/// order is not significant" and "case-normalization, where values are defined to be
/// case-insensitive". RFC 9110 §12.5.4, on the order of languages with the same weight: "some
/// recipients treat the order in which language tags are listed as an indication of descending
/// priority […]. However, this behavior cannot be relied upon."
#[must_use]
pub fn in_order(request: &HeaderMap) -> Option<HeaderValue> {
    let mut languages = Vec::new();
    for line in request.get_all(ACCEPT_LANGUAGE) {
        for member in members(line.as_bytes()).filter(|member| !member.is_empty()) {
            languages.push(Language::read(member)?);
        }
    }
    // By descending weight.
    languages.sort_unstable_by(|one, other| (other.weight, &one.range).cmp(&(one.weight, &other.range)));
    languages.dedup();
    let texts: Vec<_> = languages.iter().map(Language::text).collect();
    let text = texts.join(",");
    let is_as_it_stands = request.get_all(ACCEPT_LANGUAGE).iter().eq([text.as_str()]);
    if text.is_empty() || is_as_it_stands { None } else { HeaderValue::try_from(text).ok() }
}

#[derive(PartialEq, Eq)]
struct Language {
    range: String,
    /// The weight in thousandths.
    weight: u16,
}

impl Language {
    /// Parses `language-range [ weight ]` (RFC 9110 §12.5.4).
    fn read(member: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(member).ok()?;
        let (range, weight) = match text.split_once(';') {
            Some((range, weight)) => (range, thousandths(trim(weight.as_bytes()))?),
            None => (text, 1000),
        };
        let range = range.trim_end_matches([' ', '\t']).to_ascii_lowercase();
        let is_range = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-*".contains(&byte))
        };
        is_range(&range).then_some(Self { range, weight })
    }

    fn text(&self) -> String {
        match self.weight {
            1000 => self.range.clone(),
            0 => format!("{};q=0", self.range),
            weight => format!("{};q=0.{}", self.range, format!("{weight:03}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::testing::fields;

    fn of(lines: &[&str]) -> Option<String> {
        let lines: Vec<_> = lines.iter().map(|line| ("accept-language", *line)).collect();
        in_order(&fields(&lines)).map(|value| value.to_str().unwrap().to_owned())
    }

    /// RFC 9111 §4.1, RFC 9110 §12.5.4.
    #[test]
    fn equivalent_language_lists_have_one_spelling() {
        for lines in [
            &["de, en"][..],
            &["en, de"],
            &["eN,  DE"],
            &["en;q=1.0, de;q=1"],
            &["en; q=1.000", "de"],
            &["en,, de, en"],
        ] {
            assert_eq!(of(lines).as_deref(), Some("de,en"), "{lines:?}");
        }
        assert_eq!(
            of(&["fr;q=0.50, de;q=0.8, *;q=0, en-GB;q=0.8, da"]).as_deref(),
            Some("da,de;q=0.8,en-gb;q=0.8,fr;q=0.5,*;q=0")
        );
    }

    #[test]
    fn a_normal_or_unreadable_list_is_not_changed() {
        for lines in [
            &[][..],
            &["de,en"],
            &["da,en-gb;q=0.8,*;q=0.05"],
            &["de_DE, en"],
            &["en;q=2, de"],
            &["en;q=1.001, de"],
            &["en;q=0.1234, de"],
            &["en;q=0.x, de"],
            &["en;x=1, de"],
            &[";q=1, de"],
            &[""],
        ] {
            assert_eq!(of(lines), None, "{lines:?}");
        }
    }
}
