//! Which parts of the query belong to the key.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::decoded;

/// Which parameters of the query belong to the key, and in which order: all, as they were sent, unless told otherwise.
///
/// Names are compared as the handler reads them, percent-decoded: `%71=x` is a `q`. What belongs to the key is kept as
/// it was sent, duplicates too, and in the order sent.
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
}

impl QueryRules {
    /// The whole query, and whether there is one: `/a` and `/a?` differ.
    #[must_use]
    pub fn all() -> Self {
        Self::default()
    }

    /// Only the parameters with these names. A query without any of them is as no query.
    #[must_use]
    pub fn only<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { which: Which::Only(names.into_iter().map(Into::into).collect()), sort: false }
    }

    /// All parameters but those with these names. A query of nothing else is as no query.
    #[must_use]
    pub fn ignoring<N: Into<Box<str>>>(names: impl IntoIterator<Item = N>) -> Self {
        Self { which: Which::Ignore(names.into_iter().map(Into::into).collect()), sort: false }
    }

    /// In the order of their names, so that `a=1&b=2` and `b=2&a=1` share a key. Parameters of one name stay in the
    /// order sent, as their order may mean something.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.sort = true;
        self
    }

    /// What of the query belongs to the key, as a query.
    #[must_use]
    pub fn apply<'q>(&self, query: Option<&'q str>) -> Option<Cow<'q, str>> {
        let query = query?;
        if self.keep_everything() {
            return Some(Cow::Borrowed(query));
        }
        let kept = self.kept(query);
        (!kept.is_empty()).then(|| Cow::Owned(kept.join("&")))
    }

    /// Whether every query belongs to the key as it was sent.
    pub(super) fn keep_everything(&self) -> bool {
        matches!(self.which, Which::All) && !self.sort
    }

    /// The `name=value` pairs that belong to the key, as they were sent, in the key's order.
    pub(super) fn kept<'q>(&self, query: &'q str) -> SmallVec<[&'q str; 16]> {
        let mut pairs: SmallVec<[&str; 16]> = query.split('&').filter(|pair| self.keeps(pair)).collect();
        if self.sort {
            // By the decoded name: else `a=1&%61=2`, two values of `a`, would trade places.
            pairs.sort_by(|one, other| name_of(one).cmp(name_of(other)));
        }
        pairs
    }

    fn keeps(&self, pair: &str) -> bool {
        let listed = |names: &[Box<str>]| names.iter().any(|name| name_of(pair).eq(name.bytes()));
        match &self.which {
            Which::All => true,
            Which::Only(names) => listed(names),
            Which::Ignore(names) => !listed(names),
        }
    }
}

fn name_of(pair: &str) -> impl Iterator<Item = u8> {
    let end = pair.find('=').unwrap_or(pair.len());
    decoded::form(&pair.as_bytes()[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_keep_what_they_name() {
        let only = || QueryRules::only(["q", "page", "a b"]);
        let ignoring = || QueryRules::ignoring(["utm", ""]);
        let cases: [(QueryRules, &str, &[&str]); 13] = [
            (only(), "q=1&x=2&page=3", &["q=1", "page=3"]),
            (only(), "page=3&q=1&q=0", &["page=3", "q=1", "q=0"]),
            (only(), "q", &["q"]),
            (only(), "qq=1&Q=1&=q", &[]),
            (only(), "%71=1&p%61ge=2&a+b=3&a%20b=4", &["%71=1", "p%61ge=2", "a+b=3", "a%20b=4"]),
            (only(), "%2571=1&a%2Bb=2", &[]),
            (ignoring(), "a=1&utm=x&%75tm=y&&b", &["a=1", "b"]),
            (ignoring(), "utm=x", &[]),
            (QueryRules::ignoring(["utm"]), "utm=x&", &[""]),
            (QueryRules::all().sorted(), "", &[""]),
            (QueryRules::all().sorted(), "b=1&a=2&b=0", &["a=2", "b=1", "b=0"]),
            (QueryRules::all().sorted(), "b=0&a=1&%61=2", &["a=1", "%61=2", "b=0"]),
            (QueryRules::all().sorted(), "%61=2&b=0&a=1", &["%61=2", "a=1", "b=0"]),
        ];
        for (rules, query, expected) in cases {
            assert_eq!(rules.kept(query).as_slice(), expected, "{query} by {rules:?}");
            let applied = (!expected.is_empty()).then(|| expected.join("&"));
            assert_eq!(rules.apply(Some(query)).as_deref(), applied.as_deref(), "{query} by {rules:?}");
        }
    }
}
