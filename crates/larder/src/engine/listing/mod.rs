//! Listings of what is stored in memory, page by page.
//!
//! - `filter.rs`: [`StoredFilter`](filter::StoredFilter), which entries are listed
//! - `page.rs`: [`ListPage`](page::ListPage) and [`Listing`](page::Listing), a page and its entries
//! - `scan.rs`: one pass over a table, in steps
//! - `stored_state.rs`: [`StoredState`](stored_state::StoredState), whether an entry may be served

pub(crate) mod filter;
pub(crate) mod page;
pub(crate) mod scan;
pub(crate) mod stored_state;
