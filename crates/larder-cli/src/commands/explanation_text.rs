//! An explanation for humans: one sentence, then what leads to it. The console has the same ones.

use std::fmt::Write as _;
use std::time::Duration;

use crate::commands::explanation::{Entry, Explanation, InvalidatedBy, Key, Names, Policy, Response, Tier};
use crate::output::{dates, units};

impl Explanation {
    /// Returns the lines of the explanation.
    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{} {}\n", self.outcome_sentence(), self.handler_sentence());
        let mut line = |line: String| text.push_str(&format!("{line}\n"));
        line(format!("{} {} on route {}", self.method, self.uri, self.route));
        if let Some(outcome) = &self.on_error {
            line(format!("if the handler fails: {}, {}", outcome.outcome, words(&outcome.reason)));
        }
        if let Some(switch) = &self.switch {
            let until = dates::date(Duration::from_secs(switch.until));
            line(format!("switched off by {} until {until}", switch.who));
        }
        if self.may_be_nested {
            line("a layer further in may handle the request: this route has not answered yet".to_owned());
        }
        if let Some(remedy) = &self.remedy {
            line(format!("if there are too many of these: {remedy}"));
        }
        line(String::new());
        match &self.key {
            Some(key) => write_key(&mut text, key),
            None => text.push_str("key: the request has none\n"),
        }
        if let Some(names) = &self.names {
            write_names(&mut text, names);
        }
        write_tier(&mut text, "memory tier", &self.memory);
        write_tier(&mut text, "shared tier", &self.shared);
        write_policy(&mut text, &self.policy);
        self.write_log(&mut text);
        text
    }

    fn outcome_sentence(&self) -> String {
        let (reason, tier) = (words(&self.outcome.reason), self.outcome.tier.as_deref().unwrap_or("memory"));
        match &*self.outcome.outcome {
            "hit" => format!("A hit: the {tier} tier answers."),
            "stale" => format!("A stale response from the {tier} tier ({reason})."),
            "bypass" => format!("A bypass: the cache does not handle the request ({reason})."),
            outcome => format!("A {outcome}: {reason}{}.", self.refusal_text()),
        }
    }

    /// Returns which invalidation refused the response, if it was one.
    fn refusal_text(&self) -> String {
        let entries = self.memory.entries.iter().chain(&self.shared.entries);
        let by = entries.filter(|entry| entry.is_selected).flat_map(|entry| &entry.invalidated_by);
        match by.into_iter().find(|by| !by.is_soft) {
            Some(by) if self.outcome.reason == "invalidated" => format!(" by {}{}", by.name, ago(by)),
            _ => String::new(),
        }
    }

    fn handler_sentence(&self) -> &'static str {
        match &*self.handler {
            "no" => "The handler does not run.",
            "yes" => "The handler runs, and the request waits for it.",
            "background" => "The handler runs in the background, to refresh the response.",
            "shared" => "The handler runs already for another request, and this one waits for it.",
            _ => "",
        }
    }

    fn write_log(&self, text: &mut String) {
        let log = &self.log;
        let read = match log.confirmation_age_seconds {
            Some(age) => format!("read to its end {} ago", units::seconds(age)),
            None => "not read yet".to_owned(),
        };
        let _ =
            writeln!(text, "invalidation log: position {}, {read}, {} deferred", log.position, log.deferred);
    }
}

fn write_key(text: &mut String, key: &Key) {
    let _ = writeln!(text, "key: {}", key.text);
    for part in &key.parts {
        let _ = writeln!(text, "  {}: {}", part.source, part.text);
    }
    if let Some(looked_up) = &key.looked_up {
        let _ = writeln!(text, "  looked up as: {looked_up}");
    }
}

fn write_names(text: &mut String, names: &Names) {
    text.push_str("names, by each of which the response can be purged:\n");
    let Names { tags, keys, uris, prefixes } = names;
    for (kind, list) in [("tags", tags), ("keys", keys), ("uris", uris), ("prefixes", prefixes)] {
        if !list.is_empty() {
            let _ = writeln!(text, "  {kind}: {}", list.join(" "));
        }
    }
}

fn write_tier(text: &mut String, name: &str, tier: &Tier) {
    let _ = writeln!(text, "{name}: {}", tier.state);
    for entry in &tier.entries {
        write_entry(text, entry);
    }
}

fn write_entry(text: &mut String, entry: &Entry) {
    let selected = if entry.is_selected { "" } else { " (another variant)" };
    let _ = writeln!(text, "  {}{selected}: {}", entry.verdict, entry.key);
    for by in &entry.invalidated_by {
        let kind = if by.is_soft { "soft" } else { "hard" };
        let _ = writeln!(text, "    invalidated by {} ({kind}) at {}{}", by.name, by.place, ago(by));
    }
    if let Some(remaining) = entry.hit_for_miss_seconds {
        let _ = writeln!(text, "    hit-for-miss for {} more", units::seconds(remaining));
    }
    if let Some(response) = &entry.response {
        write_response(text, response);
    }
}

fn write_response(text: &mut String, response: &Response) {
    let [age, remaining, lifetime] =
        [response.age_seconds, response.remaining_seconds, response.lifetime_seconds].map(units::seconds);
    let status = response.status;
    let _ = writeln!(text, "    status {status}, age {age}, fresh for {remaining} more of {lifetime}");
    let (body, stored) = (units::bytes(response.body_bytes), units::bytes(response.stored_bytes));
    let _ = writeln!(text, "    body {body}, stored {stored}, position {}", response.position);
    if !response.tags.is_empty() {
        let _ = writeln!(text, "    tags: {}", response.tags.join(" "));
    }
    for field in &response.variant {
        let value = field.value.as_deref().unwrap_or("(absent)");
        let _ = writeln!(text, "    varies on {}: {value}", field.name);
    }
}

fn write_policy(text: &mut String, policy: &Policy) {
    let (lifetime, key) = (units::seconds(policy.ttl_seconds), &policy.key);
    let _ = write!(
        text,
        "policy: class {}, lifetime {lifetime}, key by {}, query {}",
        policy.class, key.source, key.query
    );
    for (what, window) in [
        ("stale while revalidate", policy.stale_while_revalidate_seconds),
        ("stale if error", policy.stale_if_error_seconds),
    ] {
        if window > 0.0 {
            let _ = write!(text, ", {what} {}", units::seconds(window));
        }
    }
    for (what, list) in [("header fields", &key.headers), ("cookies", &key.cookies)] {
        if !list.is_empty() {
            let _ = write!(text, ", {what} in the key: {}", list.join(" "));
        }
    }
    if let Some(partition) = &key.partition {
        let _ = write!(text, ", a {partition} in the key");
    }
    for (flag, _) in policy.flags.iter().filter(|(_, value)| **value == true) {
        let _ = write!(text, ", {}", words(flag));
    }
    text.push('\n');
}

fn ago(by: &InvalidatedBy) -> String {
    by.age_seconds.map_or_else(String::new, |age| format!(", {} ago", units::seconds(age)))
}

fn words(text: &str) -> String {
    text.replace(['-', '_'], " ")
}
