//! Rules about the invalidation log.

use std::time::Duration;

use crate::doctor::facts::{Facts, LogFacts};
use crate::doctor::finding::{Finding, FindingKind};
use crate::output::units;

/// The keys of the log that have to be of one type, by the last part of their names.
pub(crate) const TYPES: [(&str, &str); 9] = [
    ("events", "stream"),
    ("incarnation", "string"),
    ("beat", "string"),
    ("marks", "string"),
    ("fence", "string"),
    ("starts", "string"),
    ("switches", "string"),
    ("sights", "zset"),
    ("instances", "hash"),
];

/// A log whose oldest entry is younger is too short: an instance that starts refuses what is older.
const YOUNG: Duration = Duration::from_secs(600);

pub(super) fn log(facts: &Facts) -> Vec<Finding> {
    let mut all: Vec<Finding> = wrong_types(facts).into_iter().collect();
    // The other facts come from keys of the right type.
    if all.is_empty() {
        all.extend(another_server(facts));
        all.extend(trimmed_early(&facts.log));
    }
    all
}

pub(super) fn seen_log(facts: &Facts) -> Option<String> {
    let log = &facts.log;
    if log.types.is_empty() {
        return Some(format!("namespace {} has no log yet", facts.namespace));
    }
    let bytes = log.bytes.map(|bytes| format!(", {bytes} bytes")).unwrap_or_default();
    let beat = log.beat.map(|age| format!(", used {} ago", units::duration(age))).unwrap_or_default();
    let trimmed = match (log.added, log.length) {
        (Some(added), Some(length)) if added > length => format!(", {} trimmed", added - length),
        _ => String::new(),
    };
    Some(format!("{} entries{bytes}{trimmed}{beat}", log.length.unwrap_or_default()))
}

/// Returns the name of a key of the log.
pub(crate) fn log_key(namespace: &str, what: &str) -> String {
    format!("larder:{{{namespace}:log}}:{what}")
}

fn wrong_types(facts: &Facts) -> Option<Finding> {
    let found = &facts.log.types;
    let wrong: Vec<_> = TYPES
        .iter()
        .filter_map(|(what, expected)| Some((*what, found.get(what).filter(|is| is != expected)?)))
        .collect();
    if wrong.is_empty() {
        return None;
    }
    let keys: Vec<_> = wrong.iter().map(|(what, _)| log_key(&facts.namespace, what)).collect();
    let types: Vec<_> = wrong.iter().map(|(what, is)| format!("{what} is a {is}")).collect();
    let finding = Finding::new(FindingKind::LogWrongType).seen("types", types.join(", "));
    Some(finding.redis(format!("UNLINK {}", keys.join(" "))))
}

fn another_server(facts: &Facts) -> Option<Finding> {
    let log = &facts.log;
    let (began_on, run_id) = (log.began_on.as_deref()?, log.run_id.as_deref()?);
    // Without the run id, scripts could not read it.
    if began_on.is_empty() || began_on == run_id {
        return None;
    }
    let finding = Finding::new(FindingKind::LogOfAnotherServer)
        .seen("began_on", began_on)
        .seen("run_id", run_id)
        .seen("used_seconds_ago", log.beat.map(|age| age.as_secs()));
    let keys = ["events", "incarnation"].map(|what| log_key(&facts.namespace, what));
    Some(finding.redis(format!("UNLINK {}", keys.join(" "))))
}

fn trimmed_early(log: &LogFacts) -> Option<Finding> {
    let (added, length, oldest) = (log.added?, log.length?, log.oldest?);
    (added > length && oldest < YOUNG).then(|| {
        let finding =
            Finding::new(FindingKind::LogTrimmedEarly).seen("entries", length).seen("bytes", log.bytes);
        finding.seen("trimmed", added - length).seen("oldest_entry_seconds_ago", oldest.as_secs())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::rules::tests::names;

    fn facts(log: LogFacts) -> Facts {
        Facts { namespace: "shop".to_owned(), log, ..Facts::default() }
    }

    #[test]
    fn keys_of_the_wrong_type_are_named_and_removed() {
        let types = [("events", "string"), ("beat", "string"), ("sights", "list")];
        let types = types.into_iter().map(|(what, is)| (what, is.to_owned())).collect();
        let found = log(&facts(LogFacts {
            types,
            began_on: Some("b".into()),
            run_id: Some("a".into()),
            ..LogFacts::default()
        }));
        assert_eq!(names(&found), ["log-wrong-type"]);
        assert_eq!(found[0].commands[0].line, "UNLINK larder:{shop:log}:events larder:{shop:log}:sights");
    }

    #[test]
    fn the_log_began_on_the_server_that_has_it() {
        let of = |began_on: &str| {
            let log =
                LogFacts { began_on: Some(began_on.into()), run_id: Some("a".into()), ..LogFacts::default() };
            names(&super::log(&facts(log)))
        };
        assert_eq!(of("a"), [""; 0]);
        assert_eq!(of(""), [""; 0]);
        assert_eq!(of("b"), ["log-of-another-server"]);
    }

    #[test]
    fn a_log_that_is_trimmed_while_young_is_too_short() {
        let of = |added, oldest| {
            let oldest = Some(Duration::from_secs(oldest));
            let log = LogFacts { added: Some(added), length: Some(10), oldest, ..LogFacts::default() };
            names(&super::log(&facts(log)))
        };
        assert_eq!(of(11, 599), ["log-trimmed-early"]);
        assert_eq!(of(11, 600), [""; 0]);
        assert_eq!(of(10, 5), [""; 0]);
    }
}
