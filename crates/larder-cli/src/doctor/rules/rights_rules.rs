//! Rules about the rights of the user, and about what scripts may do.

use std::collections::BTreeSet;

use crate::doctor::facts::Facts;
use crate::doctor::finding::{Finding, FindingKind};
use crate::doctor::right::{Purpose, Verdict};

pub(super) fn rights(facts: &Facts) -> Vec<Finding> {
    [(FindingKind::RightsMissing, false), (FindingKind::RightsOptional, true)]
        .into_iter()
        .filter_map(|(kind, optional)| missing(facts, kind, |purpose| purpose.is_optional() == optional))
        .collect()
}

pub(super) fn seen_rights(facts: &Facts) -> Option<String> {
    let all = facts.user.verdicts.len();
    let allowed = facts.user.verdicts.iter().filter(|(_, verdict)| *verdict == Verdict::Allowed).count();
    (all > 0).then(|| format!("user {}, {allowed} of {all} rights", facts.user.name))
}

fn missing(facts: &Facts, kind: FindingKind, is_asked: impl Fn(Purpose) -> bool) -> Option<Finding> {
    let mut rights = Vec::new();
    let mut purposes = BTreeSet::new();
    for (right, verdict) in facts.user.verdicts.iter().filter(|(right, _)| is_asked(right.purpose)) {
        let rule = match verdict {
            Verdict::NoCommand => format!("+{}", right.name),
            Verdict::NoKey => right.pattern(&facts.namespace).unwrap_or_default(),
            Verdict::Allowed | Verdict::Unknown => continue,
        };
        purposes.insert(right.purpose.as_str());
        if !rights.contains(&rule) {
            rights.push(rule);
        }
    }
    if rights.is_empty() {
        return None;
    }
    let purposes: Vec<_> = purposes.into_iter().collect();
    let finding = Finding::new(kind).seen("user", facts.user.name.as_str()).seen("missing", rights.join(" "));
    let finding = finding.seen("needed_for", purposes.join(", "));
    // Rights are given one by one, so a line does not take any away.
    Some(finding.redis(format!("ACL SETUSER {} {}", facts.user.name, rights.join(" "))))
}

pub(super) fn scripts(facts: &Facts) -> Vec<Finding> {
    let scripts = &facts.scripts;
    let refused = [&scripts.eval_error, &scripts.evalsha_error]
        .into_iter()
        .flatten()
        .find(|error| Verdict::from_text(error) == Verdict::Allowed);
    if let Some(error) = refused {
        let finding = Finding::new(FindingKind::ScriptsRefused).seen("error", error.as_str());
        return vec![finding.redis("EVAL 'return 1' 0")];
    }
    match scripts.reads_info {
        Some(false) if may(facts, "info") => {
            vec![
                Finding::new(FindingKind::ScriptInfoRefused)
                    .redis("EVAL \"return redis.call('INFO', 'server')\" 0"),
            ]
        }
        _ => Vec::new(),
    }
}

pub(super) fn seen_scripts(facts: &Facts) -> Option<String> {
    let scripts = &facts.scripts;
    (scripts.eval_error.is_none() && scripts.evalsha_error.is_none()).then(|| {
        let info = if scripts.reads_info == Some(true) { "INFO in scripts" } else { "no INFO in scripts" };
        format!("EVAL, EVALSHA, {info}")
    })
}

/// Whether the user itself has a right.
fn may(facts: &Facts, name: &str) -> bool {
    facts.user.verdicts.iter().any(|(right, verdict)| right.name == name && *verdict == Verdict::Allowed)
}

/// A write that is refused, for reasons that no other rule has.
pub(super) fn writes(facts: &Facts) -> Vec<Finding> {
    let Some(error) = facts.write_error.as_deref() else { return Vec::new() };
    let word = error.split(' ').next().unwrap_or_default();
    let finding = match word {
        // The rules about memory, roles and rights find these.
        "OOM" | "READONLY" | "NOREPLICAS" | "NOPERM" => return Vec::new(),
        "MISCONF" => Finding::new(FindingKind::CannotSave).redis("CONFIG SET save ''"),
        _ => Finding::new(FindingKind::WriteRefused).redis("INFO persistence"),
    };
    vec![finding.seen("error", error)]
}

pub(super) fn seen_writes(facts: &Facts) -> Option<String> {
    facts.write_error.is_none().then(|| "a key with an expiry can be written and removed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::facts::{ScriptFacts, UserFacts};
    use crate::doctor::finding::Severity;
    use crate::doctor::right::RIGHTS;
    use crate::doctor::rules::tests::names;

    fn with(verdict: impl Fn(&str) -> Verdict) -> Facts {
        let verdicts = RIGHTS.iter().map(|right| (*right, verdict(right.name))).collect();
        let user = UserFacts { name: "app".to_owned(), verdicts };
        Facts { namespace: "shop".to_owned(), user, ..Facts::default() }
    }

    #[test]
    fn missing_rights_are_named_in_the_line_that_gives_them() {
        assert_eq!(rights(&with(|_| Verdict::Allowed)), []);
        let none = with(|name| if name.starts_with("eval") { Verdict::NoCommand } else { Verdict::Allowed });
        let found = rights(&none);
        assert_eq!(names(&found), ["rights-missing"]);
        assert_eq!(found[0].severity, Severity::Error);
        assert_eq!(found[0].commands[0].line, "ACL SETUSER app +eval +evalsha");
    }

    #[test]
    fn what_larder_can_do_without_is_advice() {
        let found =
            rights(&with(|name| if name == "config|get" { Verdict::NoCommand } else { Verdict::Allowed }));
        assert_eq!((names(&found), found[0].severity), (vec!["rights-optional"], Severity::Advice));
        assert_eq!(found[0].commands[0].line, "ACL SETUSER app +config|get");
    }

    #[test]
    fn keys_that_the_user_may_not_use_are_patterns() {
        let found =
            rights(&with(
                |name| if name == "xadd" || name == "xrange" { Verdict::NoKey } else { Verdict::Allowed },
            ));
        assert_eq!(found[0].commands[0].line, "ACL SETUSER app ~larder:{shop:log}:*");
    }

    #[test]
    fn scripts_that_fail_for_other_reasons_than_rights_are_a_finding_of_their_own() {
        let facts = |eval: Option<&str>, reads_info| {
            let scripts =
                ScriptFacts { eval_error: eval.map(str::to_owned), evalsha_error: None, reads_info };
            Facts { scripts, ..with(|_| Verdict::Allowed) }
        };
        assert_eq!(scripts(&facts(None, Some(true))), []);
        assert_eq!(names(&scripts(&facts(Some("ERR unknown command 'EVAL'"), None))), ["scripts-refused"]);
        assert_eq!(scripts(&facts(Some("NOPERM no"), None)), []);
        assert_eq!(names(&scripts(&facts(None, Some(false)))), ["script-info-refused"]);
    }

    #[test]
    fn a_refused_write_is_found_once() {
        let found =
            |error: &str| names(&writes(&Facts { write_error: Some(error.to_owned()), ..Facts::default() }));
        assert_eq!(found("MISCONF Redis is configured to save RDB snapshots"), ["server-cannot-save"]);
        assert_eq!(found("ERR unknown command 'SET'"), ["write-refused"]);
        assert_eq!(found("OOM command not allowed"), [""; 0]);
    }
}
