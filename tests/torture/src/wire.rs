//! The header fields by which instances and driver talk.

use http::HeaderMap;

/// The life that answered.
pub(crate) const LIFE: &str = "x-life";
/// The run that made a response.
pub(crate) const RUN: &str = "x-run";
/// The version that a write committed.
pub(crate) const VERSION: &str = "x-version";
/// What `invalidate` said.
pub(crate) const CLAIMED: &str = "x-claimed";
/// When the instance was done with a request.
pub(crate) const RETURNED: &str = "x-returned";
/// The language that a response is wanted in.
pub(crate) const LANGUAGE: &str = "x-language";
/// The one name of all instances, so that they share responses.
pub(crate) const HOST: &str = "larder.test";
/// What a process says before its address, once it listens.
pub(crate) const LISTENS: &str = "listens on ";

/// The text of a field, if it is there and is text.
pub(crate) fn field<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// The number in a field.
pub(crate) fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    field(headers, name)?.parse().ok()
}
