//! Content codings of stored responses: each is made once, at the first request that prefers it.
//!
//! A coded form is a part of its stored response: see `memory/cached_response/coded_forms.rs`. It
//! is served where the response may be served, with the position and the names of that response.
//!
//! * [`accepted`]: the codings that a request accepts.
//! * [`form`]: the form of a stored response that a request gets.
//! * [`make_form`]: makes a form in the background, once.
//! * `shared_form`: the coded bodies in the shared tier.
//! * `body_codec`: the codecs.
//! * [`store_form`]: the form of a response that is only in the shared tier.
//! * [`await_form`]: the form for a request that accepts no other.
//! * [`filled`]: the responses of a fill.

pub(crate) mod accepted;
pub(crate) mod await_form;
mod body_codec;
pub(crate) mod filled;
pub(crate) mod form;
pub(crate) mod make_form;
mod shared_form;
pub(crate) mod store_form;
