//! The parts of the query that belong to the key.

use std::borrow::Cow;
use std::fmt;

use smallvec::SmallVec;

use super::percent_decoded;

/// The rules for which parameters of the query belong to the key, and in which order.
///
/// By default, the whole query belongs to the key, as it was sent.
///
/// Names are compared as the handler reads them, which is percent-decoded: `%71=x` is a `q`. The
/// parameters that belong to the key are kept as they were sent, including duplicates. They keep
/// their order, unless they are [`sorted`](Self::sorted).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryRules {
    which: Which,
    sort: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Which {
    #[default]
    All,
    Only(Box<[Box<str>]>),
    Ignore(Box<[Box<str>]>),
    None,
}

impl QueryRules {
    /// Keeps the whole query, and whether there is one: `/a` and `/a?` differ.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Keeps only the parameters with these names.
    ///
    /// A query without any of them is treated like no query.
    #[must_use]
    pub fn only<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { which: Which::Only(names.into_iter().map(Into::into).collect()), sort: false }
    }

    /// Keeps all parameters except those with these names.
    ///
    /// A query that only has such parameters is treated like no query.
    #[must_use]
    pub fn ignoring<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { which: Which::Ignore(names.into_iter().map(Into::into).collect()), sort: false }
    }

    /// Keeps nothing. All queries are treated like no query.
    #[must_use]
    pub fn none() -> Self {
        Self { which: Which::None, sort: false }
    }

    /// Sorts the parameters by name, so that `a=1&b=2` and `b=2&a=1` share a key.
    ///
    /// Parameters with the same name keep their order, because the order may have a meaning.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sort = true;
        self
    }

    /// Returns the part of the query that belongs to the key, as a query.
    #[must_use]
    pub fn apply<'q>(&self, query: Option<&'q str>) -> Option<Cow<'q, str>> {
        let query = query?;
        if self.keep_whole(query) {
            return Some(Cow::Borrowed(query));
        }
        let kept = self.kept(query);
        (!kept.is_empty()).then(|| Cow::Owned(kept.join("&")))
    }

    /// Whether the query belongs to the key exactly as it was sent.
    ///
    /// A query with a semicolon does, unless no query belongs to the key. HTML 4 let semicolons
    /// separate parameters, and some decoders still split at them. For them, `utm=1;q=2` has a
    /// parameter `q`, hidden in a parameter that the rules may drop.
    pub(super) fn keep_whole(&self, query: &str) -> bool {
        match self.which {
            Which::All if !self.sort => true,
            Which::None => false,
            Which::All | Which::Only(_) | Which::Ignore(_) => query.contains(';'),
        }
    }

    /// Returns the `name=value` pairs that belong to the key, in the key's order.
    ///
    /// Each pair is kept as it was sent.
    pub(super) fn kept<'q>(&self, query: &'q str) -> SmallVec<[&'q str; 16]> {
        let mut pairs: SmallVec<[&str; 16]> = query.split('&').filter(|pair| self.keeps(pair)).collect();
        if self.sort {
            // The decoded names are sorted. Otherwise the two values of `a` in `a=1&%61=2` would
            // change places.
            pairs.sort_by(|one, other| outline(name_of(one)).cmp(outline(name_of(other))));
        }
        pairs
    }

    fn keeps(&self, pair: &str) -> bool {
        let listed = |names: &[Box<str>]| names.iter().any(|name| name_of(pair).eq(name.bytes()));
        match &self.which {
            Which::All => true,
            Which::Only(names) => listed(names),
            Which::Ignore(names) => !listed(names),
            Which::None => false,
        }
    }
}

impl fmt::Display for QueryRules {
    /// Writes the rules for operators, such as `only page, size; sorted`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.which {
            Which::All => f.write_str("all")?,
            Which::Only(names) => write!(f, "only {}", names.join(", "))?,
            Which::Ignore(names) => write!(f, "all but {}", names.join(", "))?,
            Which::None => f.write_str("none")?,
        }
        f.write_str(if self.sort { "; sorted" } else { "" })
    }
}

fn name_of(pair: &str) -> impl Iterator<Item = u8> {
    let end = pair.find('=').unwrap_or(pair.len());
    percent_decoded::form(&pair.as_bytes()[..end])
}

/// Returns the name with one byte in place of each run of bytes that are not ASCII.
///
/// Decoders replace invalid UTF-8 by U+FFFD, so `%FE` and `%FF` are the same name to a handler.
/// Names that could be the same to a handler must not change places.
fn outline(name: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    let mut within_run = false;
    name.filter_map(move |byte| {
        let follows = within_run && !byte.is_ascii();
        within_run = !byte.is_ascii();
        (!follows).then(|| byte.min(0x80))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_have_a_text_for_operators() {
        let cases = [
            (QueryRules::all(), "all"),
            (QueryRules::all().sorted(), "all; sorted"),
            (QueryRules::only(["q", "page"]), "only q, page"),
            (QueryRules::ignoring(["utm"]).sorted(), "all but utm; sorted"),
            (QueryRules::none(), "none"),
        ];
        for (rules, text) in cases {
            assert_eq!(rules.to_string(), text);
        }
    }

    #[test]
    fn the_rules_keep_what_they_name() {
        let only = || QueryRules::only(["q", "page", "a b"]);
        let ignoring = || QueryRules::ignoring(["utm", ""]);
        let cases: [(QueryRules, &str, &[&str]); 17] = [
            (only(), "q=1&x=2&page=3", &["q=1", "page=3"]),
            (only(), "page=3&q=1&q=0", &["page=3", "q=1", "q=0"]),
            (only(), "q", &["q"]),
            (only(), "qq=1&Q=1&=q", &[]),
            (only(), "%71=1&p%61ge=2&a+b=3&a%20b=4", &["%71=1", "p%61ge=2", "a+b=3", "a%20b=4"]),
            (only(), "%2571=1&a%2Bb=2", &[]),
            (ignoring(), "a=1&utm=x&%75tm=y&&b", &["a=1", "b"]),
            (ignoring(), "utm=x", &[]),
            (QueryRules::ignoring(["utm"]), "utm=x&", &[""]),
            (QueryRules::none(), "a=1;b=2&c", &[]),
            (QueryRules::none().sorted(), "", &[]),
            (QueryRules::all().sorted(), "", &[""]),
            (QueryRules::all().sorted(), "b=1&a=2&b=0", &["a=2", "b=1", "b=0"]),
            (QueryRules::all().sorted(), "b=0&a=1&%61=2", &["a=1", "%61=2", "b=0"]),
            (QueryRules::all().sorted(), "%61=2&b=0&a=1", &["%61=2", "a=1", "b=0"]),
            // A handler that decodes to text cannot distinguish the first two names.
            (QueryRules::all().sorted(), "%FF=1&%E2%82=2&b=0", &["b=0", "%FF=1", "%E2%82=2"]),
            (QueryRules::all().sorted(), "%FFb=1&%FEa=2&%C3%A9a=0", &["%FEa=2", "%C3%A9a=0", "%FFb=1"]),
        ];
        for (rules, query, expected) in cases {
            assert_eq!(rules.kept(query).as_slice(), expected, "{query} by {rules:?}");
            let applied = (!expected.is_empty()).then(|| expected.join("&"));
            assert_eq!(rules.apply(Some(query)).as_deref(), applied.as_deref(), "{query} by {rules:?}");
        }
    }

    /// A semicolon can hide a parameter from the rules, so the rules don't apply to such a query.
    ///
    /// Some decoders split at semicolons, and find the hidden parameter.
    #[test]
    fn a_query_with_a_semicolon_is_kept_as_it_was_sent() {
        let rules = [
            QueryRules::only(["q"]),
            QueryRules::ignoring(["utm"]),
            QueryRules::all().sorted(),
            QueryRules::only(["q"]).sorted(),
        ];
        for rules in rules {
            for query in ["utm=1;q=2", "q=2;a", ";", "z=1;a=2&q=1"] {
                assert_eq!(rules.apply(Some(query)).as_deref(), Some(query), "{rules:?}");
            }
            assert_ne!(rules.apply(Some("z=1&q=%3B&a=2&utm=1")).as_deref(), Some("z=1&q=%3B&a=2&utm=1"));
        }
    }
}
