#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod access;
mod admin_router;
mod api;
mod api_error;
mod console;

/// Runbooks: what to do about each alert.
///
#[doc = include_str!("runbooks.md")]
pub mod runbooks {}

pub use crate::access::role::Role;
pub use crate::access::token::{TokenError, TokenErrorKind};
pub use crate::admin_router::{AdminRouter, router};
