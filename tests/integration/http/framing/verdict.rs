//! Compares a response with the layer to the one without it.

use super::seen::{Message, Seen};

/// Fields that the cache sets or replaces.
const OF_THE_CACHE: [&str; 4] = ["x-cache", "cache-status", "age", "date"];
/// Fields that the cache adds if the handler has none.
const ADDED: [&str; 2] = ["etag", "accept-ranges"];
/// Fields of one connection (RFC 9110 §7.6.1).
pub(super) const OF_ONE_CONNECTION: [&str; 7] =
    ["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// The expectations of a client, given the bare handler.
pub(super) struct Expected<'a> {
    /// All bytes that the handler sends.
    pub(super) sent: &'a str,
    /// Whether the response may break off although the bare one does not.
    pub(super) may_break: bool,
}

/// Compares the responses on a connection with the layer to those without it.
pub(super) fn compare(bare: &[Seen], layered: &[Seen], expected: &Expected<'_>) -> Result<(), String> {
    if is_same(bare, layered, expected) || expected.may_break && is_broken(layered, expected) {
        return Ok(());
    }
    Err(format!("  bare    {bare:?}\n  layered {layered:?}"))
}

fn is_same(bare: &[Seen], layered: &[Seen], expected: &Expected<'_>) -> bool {
    // A hit does not close the connection just because the stored response came on a closing one.
    let closes = bare[0].message().is_some_and(|message| message.field("connection") == "close");
    let count = if closes { 1 } else { bare.len().max(layered.len()) };
    (0..count).all(|at| match (bare.get(at), layered.get(at)) {
        (Some(Seen::Whole(bare)), Some(Seen::Whole(layered)))
        | (Some(Seen::Broken(bare)), Some(Seen::Broken(layered))) => is_same_message(bare, layered, expected),
        (bare, layered) => bare == layered,
    })
}

/// Whether a response breaks off early, and equals the handler's bytes up to there.
fn is_broken(layered: &[Seen], expected: &Expected<'_>) -> bool {
    matches!(layered, [Seen::Broken(message)] if expected.sent.starts_with(&message.body))
}

fn is_same_message(bare: &Message, layered: &Message, expected: &Expected<'_>) -> bool {
    bare.status == layered.status
        && bare.body == layered.body
        && has_framing_of(bare, layered, expected)
        && plain(bare, bare) == plain(layered, bare)
}

/// Whether both have the same framing, or the cache knows a length that the bare router does not.
fn has_framing_of(bare: &Message, layered: &Message, expected: &Expected<'_>) -> bool {
    let framing = |message: &Message| (message.field("content-length"), message.field("transfer-encoding"));
    let (bare_length, _) = framing(bare);
    let known = (expected.sent.len().to_string(), String::new());
    framing(bare) == framing(layered) || bare_length.is_empty() && framing(layered) == known
}

/// Whether each field is from the bare response or from the cache.
pub(super) fn has_only_fields_of(bare: &Message, layered: &Message) -> bool {
    let all = plain(bare, bare);
    plain(layered, bare).iter().all(|line| all.contains(line))
}

/// Returns the fields that must be equal, sorted by name.
fn plain<'a>(message: &'a Message, bare: &Message) -> Vec<(&'a str, &'a str)> {
    // RFC 9110 §7.6.1: `Connection` names further connection-specific fields.
    let connection = bare.field("connection");
    let is_named = |name: &str| connection.split(',').any(|named| named.trim().eq_ignore_ascii_case(name));
    let is_added = |name: &str| ADDED.contains(&name) && bare.field(name).is_empty();
    let may_differ = |name: &str| {
        let is_set = OF_THE_CACHE.contains(&name) || OF_ONE_CONNECTION.contains(&name);
        is_set || name == "content-length" || is_named(name) || is_added(name)
    };
    let lines = message.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let mut lines: Vec<_> = lines.filter(|(name, _)| !may_differ(name)).collect();
    lines.sort_by_key(|(name, _)| *name);
    lines
}
