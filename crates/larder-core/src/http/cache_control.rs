//! The `Cache-Control` field (RFC 9111 §5.2), and the targeted fields that replace it (RFC 9213).

mod directive;
mod qualified;
mod request_directives;
mod response_directives;
mod targeted;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

pub use qualified::Qualified;
pub use request_directives::{MaxStale, RequestDirectives};
pub use response_directives::ResponseDirectives;

pub(super) use directive::delta_seconds;

use super::list::members;
use directive::Directive;

/// Whether the content of a response must not be changed (`no-transform`, RFC 9111 §5.2.2.6).
#[must_use]
pub fn is_no_transform(headers: &HeaderMap) -> bool {
    directives(headers).any(|directive| directive.is(b"no-transform"))
}

fn directives(headers: &HeaderMap) -> impl Iterator<Item = Directive<'_>> {
    headers.get_all(CACHE_CONTROL).iter().flat_map(|line| members(line.as_bytes())).map(Directive::read)
}
