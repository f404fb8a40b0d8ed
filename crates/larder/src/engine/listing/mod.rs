//! Listings of what is stored in memory, page by page.
//!
//! - `filter.rs`: [`StoredFilter`](filter::StoredFilter), which entries are listed
//! - `page.rs`: [`ListPage`](page::ListPage) and [`Listing`](page::Listing), a page and its entries
//! - `scan.rs`: one pass over a table, in steps
//! - `pass.rs`: [`Pass`](pass::Pass), the places of the entries that a pass has found
//! - `passes.rs`: [`Passes`](passes::Passes), the newest passes, for the pages that follow
//! - `list.rs`: [`list`](list::list), which puts a page together
//! - `stored_state.rs`: [`StoredState`](stored_state::StoredState), whether an entry may be served

pub(crate) mod filter;
pub(crate) mod list;
pub(crate) mod page;
mod pass;
pub(crate) mod passes;
pub(crate) mod scan;
pub(crate) mod stored_state;
