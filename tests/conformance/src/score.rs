//! The number of passed tests of each kind.

use std::fmt;

use crate::suite::{Kind, Verdict};

/// The number of passed tests, and of all tests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) passed: usize,
    pub(crate) all: usize,
}

/// The scores by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Scores {
    pub(crate) required: Score,
    pub(crate) optimal: Score,
    pub(crate) check: Score,
}

impl Scores {
    pub(crate) fn of(verdicts: &[Verdict]) -> Self {
        let mut scores = Self::default();
        for verdict in verdicts {
            let score = match verdict.kind {
                Kind::Required => &mut scores.required,
                Kind::Optimal => &mut scores.optimal,
                Kind::Check => &mut scores.check,
            };
            score.all += 1;
            score.passed += usize::from(verdict.passed());
        }
        scores
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{} of {}", self.passed, self.all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passed_tests_are_counted_by_kind() {
        let verdict = |kind, sign: &str| Verdict {
            id: String::new(),
            suite: String::new(),
            kind,
            sign: sign.to_owned(),
            message: String::new(),
        };
        use Kind::{Check, Optimal, Required};
        let verdicts = [
            verdict(Required, "✅"),
            verdict(Required, "⛔️"),
            // These signs mean: a dependency failed, a retry answered, the setup failed, not run.
            verdict(Required, "⚪️"),
            verdict(Required, "↻"),
            verdict(Required, "🔹"),
            verdict(Required, "-"),
            verdict(Optimal, "✅"),
            verdict(Optimal, "⚠️"),
            verdict(Check, "Y"),
            verdict(Check, "N"),
        ];
        let scores = Scores::of(&verdicts);
        assert_eq!(scores.required, Score { passed: 1, all: 6 });
        assert_eq!(scores.optimal, Score { passed: 1, all: 2 });
        assert_eq!(scores.check, Score { passed: 1, all: 2 });
        assert_eq!(format!("{:>8}|", scores.required), "  1 of 6|");
    }
}
