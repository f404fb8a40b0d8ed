//! The fields of request bodies, which are validated during parsing.

use serde::Deserialize;

/// The maximum number of characters in a name or an email.
const MAX_TEXT_LEN: usize = 200;

/// A name: not blank, at most 200 characters.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Name(String);

/// An email address: text on both sides of an `@`, no blanks, at most 200 characters. This is all
/// that can be checked without sending mail.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Email(String);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Email {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl TryFrom<String> for Name {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.trim().is_empty() {
            return Err("a name must not be empty");
        }
        if has_nul(&text) {
            return Err("a name must not contain U+0000");
        }
        if text.chars().count() > MAX_TEXT_LEN {
            return Err("a name has at most 200 characters");
        }
        Ok(Self(text))
    }
}

impl TryFrom<String> for Email {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let sides = text.rsplit_once('@');
        let filled = sides.is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
        if !filled || has_nul(&text) || text.contains(char::is_whitespace) {
            return Err("an email is written name@host");
        }
        if text.chars().count() > MAX_TEXT_LEN {
            return Err("an email has at most 200 characters");
        }
        Ok(Self(text))
    }
}

/// Whether the text contains U+0000. Postgres cannot store it.
pub(crate) fn has_nul(text: &str) -> bool {
    text.contains('\0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, valid) in [
            ("Lamp".to_owned(), true),
            ("ü".repeat(200), true),
            ("ü".repeat(201), false),
            (String::new(), false),
            (" \t".to_owned(), false),
            ("a\0b".to_owned(), false),
        ] {
            assert_eq!(Name::try_from(text.clone()).is_ok(), valid, "{text}");
        }
    }

    #[test]
    fn emails() {
        for (text, valid) in [
            ("ada@example.com", true),
            ("\"a@b\"@example.com", true),
            ("ada", false),
            ("@example.com", false),
            ("ada@", false),
            ("ada @example.com", false),
            ("a\0@b", false),
            ("", false),
        ] {
            assert_eq!(Email::try_from(text.to_owned()).is_ok(), valid, "{text}");
        }
        assert!(Email::try_from(format!("{}@b", "a".repeat(199))).is_err());
    }
}
