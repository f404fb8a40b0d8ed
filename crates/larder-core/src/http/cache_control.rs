//! The `Cache-Control` field (RFC 9111 §5.2), and the targeted fields that replace it (RFC 9213).

mod directive;
mod request;
mod response;
mod targeted;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use http::header::CACHE_CONTROL;

pub use request::{MaxStale, RequestDirectives};
pub use response::{Qualified, ResponseDirectives};

pub(super) use directive::delta_seconds;

use super::list::members;
use directive::Directive;

fn directives(headers: &HeaderMap) -> impl Iterator<Item = Directive<'_>> {
    headers.get_all(CACHE_CONTROL).iter().flat_map(|line| members(line.as_bytes())).map(Directive::read)
}
