//! Advice: what the figures of a cache say about its settings.
//!
//! The rules are pure functions of [`Figures`](figures::Figures). Each of them has thresholds that
//! keep it silent until there is enough evidence.
//!
//! | file | what it does |
//! | --- | --- |
//! | `advice_kind.rs` | the closed set of findings, each with its severity and its remedy |
//! | `figures.rs` | the input of the rules |
//! | `route_advice.rs` | rules about routes: bypassed, never hit, variants |
//! | `ratio_advice.rs` | rules about the hit ratio of a lifetime class, and its causes |
//! | `memory_advice.rs` | rules about the memory tier |
//! | `store_advice.rs` | rules about the memory of the shared store |
//! | `redis_memory.rs` | the memory that stored responses take in Redis |
//! | `instance_advice.rs` | rules about clocks, and instances that lag or are silent |

pub mod advice_kind;
pub mod figures;
mod instance_advice;
mod memory_advice;
mod ratio_advice;
pub mod redis_memory;
mod route_advice;
mod store_advice;

use std::collections::BTreeMap;
use std::fmt;

use self::advice_kind::{AdviceKind, Severity};
use self::figures::Figures;

/// A finding about a cache, with its evidence and its remedy.
///
/// # Examples
///
/// ```
/// use larder_core::advice::{Advice, advice_kind::Severity};
///
/// /// Returns what an operator should act on.
/// fn warnings(all: Vec<Advice>) -> Vec<Advice> {
///     all.into_iter().filter(|one| one.severity == Severity::Warning).collect()
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Advice {
    /// The kind of the finding.
    pub kind: AdviceKind,
    /// How much it matters.
    pub severity: Severity,
    /// The part of the cache that it is about, such as `class standard` or `redis`.
    pub subject: String,
    /// The reason of the outcomes that it is about, if they have one reason.
    pub reason: Option<&'static str>,
    /// The figures that show it, by name. The name of a figure ends with its unit, if it has one.
    pub evidence: BTreeMap<&'static str, f64>,
    /// The remedy.
    pub remedy: &'static str,
}

impl Advice {
    fn new<const N: usize>(
        kind: AdviceKind,
        subject: impl Into<String>,
        evidence: [(&'static str, f64); N],
    ) -> Self {
        let (subject, evidence) = (subject.into(), evidence.into());
        Self { kind, severity: kind.severity(), subject, reason: None, evidence, remedy: kind.remedy() }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.kind)?;
        if let Some(reason) = self.reason {
            write!(f, " ({reason})")?;
        }
        for (name, value) in &self.evidence {
            write!(f, ", {name} {value}")?;
        }
        write!(f, ". {}", self.remedy)
    }
}

/// Returns what the figures say, with the most severe findings first.
#[must_use]
pub fn advise(figures: &Figures) -> Vec<Advice> {
    let mut all = Vec::new();
    figures.classes.iter().for_each(|class| ratio_advice::advise(class, &mut all));
    figures.routes.iter().for_each(|route| route_advice::advise(route, &mut all));
    memory_advice::advise(figures, &mut all);
    figures.store.iter().for_each(|store| store_advice::advise(store, &mut all));
    instance_advice::advise(figures, &mut all);
    all.sort_by_key(|one| one.severity);
    all
}

/// Returns a number as a figure. A figure does not need more than 53 bits.
#[allow(clippy::cast_precision_loss)]
const fn figure(number: u64) -> f64 {
    number as f64
}

/// Returns the share of a part in a whole, or 0.0 if there is nothing.
fn share(part: u64, whole: u64) -> f64 {
    match whole {
        0 => 0.0,
        _ => figure(part) / figure(whole),
    }
}
