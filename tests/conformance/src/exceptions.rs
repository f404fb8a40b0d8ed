//! The tests that may fail, and the reasons: `exceptions.txt`.

use std::collections::BTreeMap;

use anyhow::{Result, bail};

use crate::suite::{Kind, Verdict};

const LIST: &str = include_str!("../exceptions.txt");

/// The excepted tests, with their reasons.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exceptions(BTreeMap<String, String>);

/// The differences between a run and the list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Disagreement {
    /// Failed tests that are not on the list.
    pub(crate) regressions: Vec<Verdict>,
    /// Passed tests that are on the list.
    pub(crate) passed: Vec<String>,
    /// Tests on the list that are not in the suite, or not required.
    pub(crate) unknown: Vec<String>,
}

impl Disagreement {
    pub(crate) fn is_none(&self) -> bool {
        self.regressions.is_empty() && self.passed.is_empty() && self.unknown.is_empty()
    }
}

impl Exceptions {
    pub(crate) fn committed() -> Result<Self> {
        Self::parse(LIST)
    }

    /// Parses the list: a reason on one or several lines, then its tests, each on an indented line.
    /// `#` begins a comment.
    fn parse(list: &str) -> Result<Self> {
        let mut exceptions = BTreeMap::new();
        let (mut reason, mut is_used) = (String::new(), true);
        for line in list.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let text = line.trim();
            if !line.starts_with(' ') {
                if is_used {
                    reason.clear();
                } else {
                    reason.push(' ');
                }
                reason.push_str(text);
                is_used = false;
                continue;
            }
            if reason.is_empty() {
                bail!("{text} is excepted without a reason");
            }
            is_used = true;
            if exceptions.insert(text.to_owned(), reason.clone()).is_some() {
                bail!("{text} is excepted twice");
            }
        }
        if !is_used {
            bail!("a reason without a test: {reason}");
        }
        Ok(Self(exceptions))
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether a required test fails unexpectedly. Tests of the kind `check` may have either
    /// result, and are never on the list.
    pub(crate) fn is_unexpected_failure(&self, verdict: &Verdict) -> bool {
        verdict.kind != Kind::Check && !verdict.passed() && !self.0.contains_key(&verdict.id)
    }

    /// Compares the list with the verdicts of a run.
    pub(crate) fn compare(&self, verdicts: &[Verdict]) -> Disagreement {
        let regressions =
            verdicts.iter().filter(|verdict| self.is_unexpected_failure(verdict)).cloned().collect();
        let (mut passed, mut unknown) = (Vec::new(), Vec::new());
        for id in self.0.keys() {
            match verdicts.iter().find(|verdict| verdict.kind != Kind::Check && verdict.id == *id) {
                Some(verdict) if verdict.passed() => passed.push(id.clone()),
                Some(_) => {}
                None => unknown.push(id.clone()),
            }
        }
        Disagreement { regressions, passed, unknown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(id: &str, kind: Kind, sign: &str) -> Verdict {
        Verdict {
            id: id.to_owned(),
            suite: String::new(),
            kind,
            sign: sign.to_owned(),
            message: String::new(),
        }
    }

    #[test]
    fn a_reason_is_for_the_tests_below_it() {
        let list = "# about the list\n\nOne reason,\nin two lines.\n  a\n  b\n\nAnother.\n  c\n";
        let Exceptions(parsed) = Exceptions::parse(list).unwrap();
        let parsed: Vec<_> = parsed.iter().map(|(id, reason)| (id.as_str(), reason.as_str())).collect();
        assert_eq!(
            parsed,
            [("a", "One reason, in two lines."), ("b", "One reason, in two lines."), ("c", "Another.")]
        );
        for (list, why) in [
            ("  a\n", "a is excepted without a reason"),
            ("R.\n  a\nS.\n  a\n", "a is excepted twice"),
            ("R.\n", "a reason without a test: R."),
        ] {
            assert_eq!(Exceptions::parse(list).unwrap_err().to_string(), why);
        }
    }

    #[test]
    fn a_run_and_the_list_have_to_agree() {
        let exceptions = Exceptions::parse("R.\n  known\n  repaired\n  gone\n  asked\n").unwrap();
        let verdicts = [
            verdict("fine", Kind::Required, "✅"),
            verdict("known", Kind::Required, "⛔️"),
            verdict("repaired", Kind::Optimal, "✅"),
            verdict("new", Kind::Required, "⚪️"),
            verdict("worse", Kind::Optimal, "⚠️"),
            verdict("asked", Kind::Check, "N"),
            verdict("either", Kind::Check, "N"),
        ];
        let Disagreement { regressions, passed, unknown } = exceptions.compare(&verdicts);
        assert_eq!(regressions, [verdicts[3].clone(), verdicts[4].clone()]);
        assert_eq!(passed, ["repaired"]);
        assert_eq!(unknown, ["asked", "gone"]);
    }

    #[test]
    fn every_exception_is_argued_where_users_read_it() {
        let argued = include_str!("../../../docs/CONFORMANCE.md");
        for id in Exceptions::committed().unwrap().0.keys() {
            assert!(argued.contains(&format!("`{id}`")), "docs/CONFORMANCE.md does not argue {id}");
        }
    }
}
