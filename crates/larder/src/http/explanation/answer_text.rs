//! The text of an explanation, for humans.

use std::fmt::{self, Formatter};
use std::time::Duration;

use larder_core::invalidation::selector::Tag;
use larder_core::outcome::Outcome;

use super::answer::Explanation;
use super::explained_key::{ExplainedKey, ExplainedNames};
use super::explained_tier::{ExplainedLog, ExplainedTier, InvalidatedBy, StoredEntry};
use crate::http::memory::stored_info::{StoredInfo, VariantField};

impl fmt::Display for Explanation {
    /// Writes several lines, without one at the end.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} on route {}", self.method, self.uri, self.route)?;
        write!(f, "outcome now: {}", words(self.outcome))?;
        if let Some(on_error) = self.on_error {
            write!(f, ", or if the handler fails {}", words(on_error))?;
        }
        writeln!(f, "; the handler {}", self.handler.as_str())?;
        if let Some(remedy) = self.remedy {
            writeln!(f, "what to do: {remedy}")?;
        }
        if self.may_be_nested {
            writeln!(f, "a layer further in may handle the request: this route has not answered yet")?;
        }
        if let Some(switch) = &self.switch {
            writeln!(f, "switched off: {switch}")?;
        }
        match &self.key {
            Some(key) => write!(f, "{key}")?,
            None => writeln!(f, "key: none")?,
        }
        if let Some(names) = &self.names {
            write!(f, "{names}")?;
        }
        write!(f, "policy: {}\nmemory: {}shared tier: {}{}", self.policy, self.memory, self.shared, self.log)
    }
}

fn words(outcome: Outcome) -> String {
    format!("{}: {}", outcome.as_str(), outcome.reason())
}

impl fmt::Display for ExplainedKey {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "key: {}", self.text)?;
        for part in &self.parts {
            writeln!(f, "  {}: {}", part.source, part.text)?;
        }
        match &self.looked_up {
            Some(key) => writeln!(f, "  looked up as: {key}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for ExplainedNames {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("names:\n")?;
        for (kind, names) in [("tags", &self.tags), ("uris", &self.uris), ("prefixes", &self.prefixes)] {
            if !names.is_empty() {
                writeln!(f, "  {kind}: {}", names.join(", "))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for ExplainedTier {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.state)?;
        self.entries.iter().try_for_each(|entry| write!(f, "{entry}"))
    }
}

impl fmt::Display for StoredEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mark = if self.is_selected { "*" } else { "-" };
        write!(f, "  {mark} ")?;
        match (&self.response, self.hit_for_miss) {
            (Some(response), _) => write_response(f, response, &self.verdict)?,
            (None, Some(time)) => write!(f, "hit-for-miss for {}", seconds(time))?,
            (None, None) => {}
        }
        f.write_str("\n")?;
        self.invalidated_by.iter().try_for_each(|by| writeln!(f, "    {by}"))
    }
}

fn write_response(f: &mut Formatter<'_>, response: &StoredInfo, verdict: &str) -> fmt::Result {
    let StoredInfo { status, age, remaining, body_bytes, position, .. } = response;
    write!(f, "{}, age {}, {} left, ", status.as_u16(), seconds(*age), seconds(*remaining))?;
    write!(f, "{body_bytes} bytes, {verdict}, filled at {position}")?;
    for VariantField { name, value } in &response.variant {
        write!(f, ", {name}: {}", value.as_deref().unwrap_or("(absent)"))?;
    }
    if !response.tags.is_empty() {
        let tags: Vec<_> = response.tags.iter().map(Tag::as_str).collect();
        write!(f, ", tags {}", tags.join(" "))?;
    }
    Ok(())
}

impl fmt::Display for InvalidatedBy {
    /// Writes `invalidated by tag product:7 at 5-0, 3.0 s ago`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let how = if self.is_soft { "made stale" } else { "invalidated" };
        write!(f, "{how} by {} at {}", self.name, self.place)?;
        self.age.map_or(Ok(()), |age| write!(f, ", {} ago", seconds(age)))
    }
}

impl fmt::Display for ExplainedLog {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "invalidation log: at {}", self.position)?;
        if let Some(age) = self.confirmation_age {
            write!(f, ", read to its end {} ago", seconds(age))?;
        }
        if self.deferred > 0 {
            write!(f, ", {} deferred", self.deferred)?;
        }
        Ok(())
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}
