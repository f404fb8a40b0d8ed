//! The header fields between instances and driver.

use http::HeaderMap;

/// The life that answered.
pub(crate) const LIFE: &str = "x-life";
/// The run that made a response.
pub(crate) const RUN: &str = "x-run";
/// The version that a write committed.
pub(crate) const VERSION: &str = "x-version";
/// The result of `invalidate`.
pub(crate) const CLAIMED: &str = "x-claimed";
/// Whether a write-through stored its value.
pub(crate) const STORED: &str = "x-stored";
/// When the instance was done with a request.
pub(crate) const RETURNED: &str = "x-returned";
/// Takes the place of the run in the text of a value that was written through.
pub(crate) const WRITTEN: &str = "-";
/// The requested language.
pub(crate) const LANGUAGE: &str = "x-language";
/// The common name of all instances, so that they share responses.
pub(crate) const HOST: &str = "larder.test";
/// The result of a queued write.
pub(crate) const ACCEPTANCE: &str = "x-acceptance";
/// Says that a read was refused, because the queue could not be asked.
pub(crate) const UNAVAILABLE: &str = "x-unavailable";
/// Says that the statement of a sink does not compare sequence numbers.
pub(crate) const NO_FENCE: &str = "x-no-fence";
/// The text before the address that a process prints once it listens.
pub(crate) const LISTENS: &str = "listens on ";

/// Returns the text of a field, if it exists and is text.
pub(crate) fn field<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Returns the number in a field.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    field(headers, name)?.parse().ok()
}
