//! Texts with parameters, for keys and tags.

use std::borrow::Cow;
use std::fmt;

/// A text with parameters in braces, such as `user:{id}`. `{{` and `}}` stand for a brace.
///
/// Two different lists of values never give the same text. To ensure that, two characters are
/// escaped in all values but the last: `^`, and the character that follows the parameter in the
/// template. Each of their bytes is written as `^` and two hexadecimal digits. In
/// `{city}:{street}`, the values `a:b` and `c` give `a^3Ab:c`.
///
/// With one parameter, nothing is ever escaped: in `user:{id}`, the value `42` gives `user:42`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    text: Box<str>,
    /// The literals and parameters. A non-empty literal precedes each parameter but the first.
    parts: Box<[Part]>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    Parameter {
        name: Box<str>,
        /// The first character of the literal before the next parameter, if there is a next one.
        end: Option<char>,
    },
}

impl Template {
    /// Parses a template.
    ///
    /// # Errors
    ///
    /// Returns an error if the text is empty, if a brace has no partner, or if a parameter has no
    /// name. Also returns an error if the text between two parameters does not begin with a
    /// character other than a letter, a digit or `^`, or if a parameter begins with `?`.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = |what| TemplateError { template: text.into(), what };
        Self::of_parts(text, parts(text).map_err(wrong)?).map_err(wrong)
    }

    fn of_parts(text: &str, parts: Vec<Part>) -> Result<Self, &'static str> {
        if parts.is_empty() {
            return Err("is empty");
        }
        if parts.iter().any(|part| part.query().is_some()) {
            return Err("has `{?…}`, which can only be at the end of the template of a key");
        }
        Ok(Self { text: text.into(), parts: delimited(parts)?.into() })
    }

    /// Returns the template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the template without the names of its parameters.
    ///
    /// Two templates with the same shape give the same text for the same values.
    #[must_use]
    pub fn shape(&self) -> String {
        let text = |part: &Part| match part {
            Part::Literal(literal) => literal.replace('{', "{{"),
            Part::Parameter { .. } => "{}".to_owned(),
        };
        self.parts.iter().map(text).collect()
    }

    /// Returns the names of the parameters, in their order and with duplicates.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Literal(_) => None,
            Part::Parameter { name, .. } => Some(&**name),
        })
    }

    /// Returns the text with values in place of the parameters.
    ///
    /// # Errors
    ///
    /// Returns the name of the first parameter without a value.
    pub fn render<'v>(&self, mut value_of: impl FnMut(&str) -> Option<Cow<'v, str>>) -> Result<String, &str> {
        let mut text = String::with_capacity(self.text.len() + 16);
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Parameter { name, end } => {
                    let value = value_of(name).ok_or(&**name)?;
                    push_value(&mut text, &value, *end);
                }
            }
        }
        Ok(text)
    }
}

/// The template of a key, which may name the query parameters that are part of the key.
///
/// In `item:{id}{?page,size}`, these are `page` and `size`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs)] // The two parts of such a text.
pub struct KeyTemplate {
    /// The template of the text that replaces the URI.
    pub text: Template,
    /// The names of the query parameters. `None` if the template does not name them.
    pub query: Option<Vec<Box<str>>>,
}

impl KeyTemplate {
    /// Parses the template of a key.
    ///
    /// # Errors
    ///
    /// Returns an error in the cases of [`Template::parse`], or if a query parameter has no name. A
    /// parameter that begins with `?` is no error at the end.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let wrong = |what| TemplateError { template: text.into(), what };
        let mut parts = parts(text).map_err(wrong)?;
        let query = match parts.last().and_then(Part::query) {
            Some(names) => Some(query_names(names).map_err(wrong)?),
            None => None,
        };
        if query.is_some() {
            parts.pop();
        }
        Ok(Self { text: Template::of_parts(text, parts).map_err(wrong)?, query })
    }
}

impl Part {
    /// Returns the names in `{?…}`.
    fn query(&self) -> Option<&str> {
        match self {
            Self::Parameter { name, .. } => name.strip_prefix('?'),
            Self::Literal(_) => None,
        }
    }
}

fn query_names(names: &str) -> Result<Vec<Box<str>>, &'static str> {
    let name = |name: &str| match name.trim() {
        "" => Err("has a query parameter without a name"),
        name => Ok(name.into()),
    };
    names.split(',').map(name).collect()
}

/// Splits a text into literals and parameters, without empty or adjacent literals.
fn parts(text: &str) -> Result<Vec<Part>, &'static str> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        literal.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix(brace) {
            literal.push_str(brace);
            rest = after;
            continue;
        }
        let (name, after) = parameter(brace, after)?;
        push_literal(&mut parts, &mut literal);
        parts.push(Part::Parameter { name: name.into(), end: None });
        rest = after;
    }
    literal.push_str(rest);
    push_literal(&mut parts, &mut literal);
    Ok(parts)
}

fn parameter<'t>(brace: &str, after: &'t str) -> Result<(&'t str, &'t str), &'static str> {
    if brace == "}" {
        return Err("has a `}` that closes nothing (write `}}` for a brace)");
    }
    match after.split_once('}') {
        Some(("", _)) => Err("has a parameter without a name"),
        Some((name, _)) if name.contains('{') => Err("has a `{` within a parameter"),
        Some(split) => Ok(split),
        None => Err("has a `{` that is not closed (write `{{` for a brace)"),
    }
}

fn push_literal(parts: &mut Vec<Part>, literal: &mut String) {
    if !literal.is_empty() {
        parts.push(Part::Literal(std::mem::take(literal).into()));
    }
}

/// Sets the character that ends the value of each parameter but the last.
fn delimited(mut parts: Vec<Part>) -> Result<Vec<Part>, &'static str> {
    let mut following: Option<char> = None;
    let mut is_last = true;
    for part in parts.iter_mut().rev() {
        match part {
            Part::Literal(literal) => following = literal.chars().next(),
            Part::Parameter { end, .. } => {
                if !is_last {
                    *end = Some(following.filter(|&sign| can_end_a_value(sign)).ok_or(
                        "needs a sign that is no letter, digit or `^` after each parameter but the last",
                    )?);
                }
                (is_last, following) = (false, None);
            }
        }
    }
    Ok(parts)
}

/// Whether the character cannot occur in an escape, so that it reliably ends the value.
fn can_end_a_value(sign: char) -> bool {
    !sign.is_alphanumeric() && sign != '^'
}

fn push_value(text: &mut String, value: &str, end: Option<char>) {
    let Some(end) = end else {
        return text.push_str(value);
    };
    for char in value.chars() {
        if char == end || char == '^' {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                text.push_str(&format!("^{byte:02X}"));
            }
        } else {
            text.push(char);
        }
    }
}

/// The error for a text that is not a valid template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateError {
    template: Box<str>,
    what: &'static str,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the template {:?} {}", self.template, self.what)
    }
}

impl std::error::Error for TemplateError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(template: &str, values: &[&str]) -> String {
        let mut values = values.iter();
        Template::parse(template).unwrap().render(|_| values.next().map(|&value| value.into())).unwrap()
    }

    #[test]
    fn values_take_the_place_of_parameters() {
        let cases: [(&str, &[&str], &str); 9] = [
            ("users:top", &[], "users:top"),
            ("user:{id}", &["42"], "user:42"),
            ("user:{id}", &["4:2^{}|é "], "user:4:2^{}|é "),
            ("{id}", &[""], ""),
            ("a/{x}/b/{y}", &["1", "2"], "a/1/b/2"),
            ("{a}:{b}", &["x:y", "z:^"], "x^3Ay:z:^"),
            ("{a}→{b}", &["x→^3A", "→"], "x^E2^86^92^5E3A→→"),
            ("{a}:{a}", &["1", "1"], "1:1"),
            ("{{{a}}}-{{}}", &["1"], "{1}-{}"),
        ];
        for (template, values, expected) in cases {
            assert_eq!(render(template, values), expected, "{template}");
        }
    }

    #[test]
    fn different_values_give_different_texts() {
        let values = ["", "a", ":", "a:", ":a", "^3A", "^", "::", "^5E3A", "3A", "a:a"];
        for template in ["{a}:{b}", "x{a}:{b}:", ":{a}::{b}", "{a}-:{b}"] {
            let mut texts = std::collections::HashSet::new();
            for a in values {
                for b in values {
                    let text = render(template, &[a, b]);
                    assert!(texts.insert(text), "{template} with {a:?}, {b:?}");
                }
            }
        }
    }

    #[test]
    fn names_come_in_order() {
        let template = Template::parse("{tenant}/user:{id}/{tenant}").unwrap();
        assert_eq!(template.names().collect::<Vec<_>>(), ["tenant", "id", "tenant"]);
        assert_eq!(template.as_str(), "{tenant}/user:{id}/{tenant}");
    }

    #[test]
    fn the_template_of_a_key_may_name_query_parameters() {
        let cases: [(&str, &str, Option<&[&str]>); 6] = [
            ("item:{id}", "item:7", None),
            ("item:{id}{?page}", "item:7", Some(&["page"])),
            ("item:{id}{?page, size}", "item:7", Some(&["page", "size"])),
            ("items{?page}", "items", Some(&["page"])),
            ("item:{id}-{id}{?a}", "item:7-7", Some(&["a"])),
            ("item{{?page}}", "item{?page}", None),
        ];
        for (text, rendered, names) in cases {
            let KeyTemplate { text: template, query } = KeyTemplate::parse(text).unwrap();
            assert_eq!(template.render(|_| Some("7".into())).as_deref(), Ok(rendered), "{text}");
            let names = names.map(|names| names.iter().map(|&name| name.into()).collect::<Vec<Box<str>>>());
            assert_eq!(query, names, "{text}");
            assert_eq!(template.as_str(), text);
        }
        let wrong = [
            ("{?page}", "is empty"),
            ("item{?}", "a query parameter without a name"),
            ("item{?a,,b}", "a query parameter without a name"),
            ("item{?a}:{id}", "at the end of the template of a key"),
            ("item{?a}{?b}", "at the end of the template of a key"),
            ("item{?a", "not closed"),
        ];
        for (text, what) in wrong {
            let error = KeyTemplate::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the template {text:?} ")), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }

    #[test]
    fn templates_of_one_shape_differ_only_in_the_names_of_their_parameters() {
        let shape = |text: &str| Template::parse(text).unwrap().shape();
        assert_eq!(shape("item:{id}"), shape("item:{item_id}"));
        for other in ["item:id", "item:{{}}", "item:{{id}}", "items:{id}", "item:{id}:", "item:{id}:{id}"] {
            assert_ne!(shape("item:{id}"), shape(other), "{other}");
        }
    }

    #[test]
    fn a_missing_value_is_named() {
        let template = Template::parse("{tenant}/user:{id}").unwrap();
        let known = |name: &str| (name == "tenant").then_some("t".into());
        assert_eq!(template.render(known), Err("id"));
    }

    #[test]
    fn an_invalid_template_is_an_error_that_names_it() {
        let cases = [
            ("", "is empty"),
            ("user:{id", "not closed"),
            ("user:{", "not closed"),
            ("user:id}", "closes nothing"),
            ("user:{}", "without a name"),
            ("user:{a{b}", "within a parameter"),
            ("user:{a}{?b}", "at the end of the template of a key"),
            ("{a}{b}", "after each parameter but the last"),
            ("{a}x{b}", "after each parameter but the last"),
            ("{a}^{b}", "after each parameter but the last"),
            ("{a}5:{b}", "after each parameter but the last"),
        ];
        for (text, what) in cases {
            let error = Template::parse(text).unwrap_err().to_string();
            assert!(error.starts_with(&format!("the template {text:?} ")), "{error}");
            assert!(error.contains(what), "{error}");
        }
    }
}
