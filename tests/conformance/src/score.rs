//! How many tests of each kind were passed.

use std::fmt;

use crate::suite::{Kind, Verdict};

/// Passed, and all there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Score {
    pub(crate) passed: usize,
    pub(crate) all: usize,
}

/// By kind.
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
    fn what_is_passed_is_counted_by_kind() {
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
            // What it depends on is not passed; it was answered by a retry; the set-up failed; it
            // was not run.
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
