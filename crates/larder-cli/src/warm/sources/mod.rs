//! Which pages to request: access logs, sitemaps and lists of URLs.
//!
//! Files may be of any size, so nothing of them is kept but the pages, and their number and length
//! have bounds.
//!
//! | file | what it does |
//! | --- | --- |
//! | `read_files.rs` | opens the files, and reads each in its format |
//! | `format.rs` | which format a file has, by its first bytes |
//! | `bounded_lines.rs` | lines up to a length |
//! | `access_log.rs` | a line of an access log |
//! | `sitemap.rs` | the pages of a sitemap |
//! | `collected.rs` | the pages, counted or in their order |

mod access_log;
mod bounded_lines;
mod collected;
mod format;
mod read_files;
mod sitemap;

pub(super) use crate::warm::sources::collected::Collected;
pub(super) use crate::warm::sources::read_files::read_sources;
