//! Drives the console in a real Chromium.
//!
//! `tests/console` has the tests. The program takes the screenshots.

#![cfg(unix)]

pub mod accessibility;
mod browser;
mod chromedriver;
pub mod client;
mod console;
mod driver_client;
mod scratch;
mod site;
mod traffic;
mod wait;

pub use crate::browser::{Browser, Screen};
pub use crate::console::Console;
pub use crate::site::Site;
pub use crate::traffic::Exchange;
pub use crate::wait::until;
