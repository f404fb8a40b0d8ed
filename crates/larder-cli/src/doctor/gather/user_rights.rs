//! The name of the user, and its rights.

use crate::doctor::facts::{Deployment, Facts, UserFacts};
use crate::doctor::right::{Purpose, RIGHTS, Right, Verdict};
use crate::redis_link::values::text;
use crate::redis_link::{Link, LinkError};

pub(super) async fn read(link: &Link, facts: &Facts) -> UserFacts {
    let who = link.send(&["ACL", "WHOAMI"]).await.ok().and_then(|answer| text(&answer));
    let name = who.or_else(|| link.user().map(str::to_owned)).unwrap_or_else(|| "default".to_owned());
    let mut verdicts = Vec::new();
    let mut may_dry_run = true;
    for right in RIGHTS.iter().filter(|right| is_needed(right.purpose, facts)) {
        let dry = match may_dry_run {
            true => dry_run(link, &name, right, &facts.namespace).await,
            false => None,
        };
        may_dry_run = dry.is_some();
        let verdict = match dry {
            Some(verdict) => verdict,
            None if right.name == "multi" => begin_transaction(link, right, &verdicts).await,
            None => attempt(link, right, &facts.namespace).await,
        };
        verdicts.push((*right, verdict));
    }
    UserFacts { name, verdicts }
}

fn is_needed(purpose: Purpose, facts: &Facts) -> bool {
    match purpose {
        Purpose::Cache | Purpose::Instances | Purpose::Settings | Purpose::LogBytes => true,
        // In a cluster, no poll is a transaction.
        Purpose::LargePolls => facts.address.deployment != Deployment::Cluster,
        Purpose::Cluster => facts.address.deployment == Deployment::Cluster,
        Purpose::Sentinel => facts.address.deployment == Deployment::Sentinel,
        Purpose::Queue | Purpose::Durability => facts.has_queue(),
    }
}

/// Asks the server whether the user may run a command. Returns `None` if it may not ask.
async fn dry_run(link: &Link, user: &str, right: &Right, namespace: &str) -> Option<Verdict> {
    let command = right.command(namespace);
    let words: Vec<&str> =
        ["ACL", "DRYRUN", user].into_iter().chain(command.iter().map(String::as_str)).collect();
    match link.send(&words).await {
        Ok(answer) => Some(Verdict::from_text(&text(&answer)?)),
        Err(_) => None,
    }
}

/// Begins a transaction, and ends it, if the user may end it.
///
/// Otherwise all further commands of this connection would wait for its end.
async fn begin_transaction(link: &Link, right: &Right, verdicts: &[(Right, Verdict)]) -> Verdict {
    let may_end =
        verdicts.iter().any(|(other, verdict)| other.name == "exec" && *verdict == Verdict::Allowed);
    if !may_end {
        return Verdict::Unknown;
    }
    let verdict = attempt(link, right, "").await;
    if verdict == Verdict::Allowed {
        let _ = link.send(&["EXEC"]).await;
    }
    verdict
}

/// Runs a harmless command, and reads its error.
async fn attempt(link: &Link, right: &Right, namespace: &str) -> Verdict {
    let command = right.command(namespace);
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let key = words.iter().find(|word| word.starts_with("larder:"));
    let answer = match key {
        Some(key) => link.send_for(key, &words).await,
        None => link.send(&words).await,
    };
    match answer {
        Ok(_) => Verdict::Allowed,
        Err(LinkError::Refused(error)) => Verdict::from_text(&error),
        Err(LinkError::Silent(_)) => Verdict::Unknown,
    }
}
