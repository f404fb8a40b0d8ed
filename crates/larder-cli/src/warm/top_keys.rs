//! The most requested pages of a running cache.

use larder_core::key::request_parts::request_parts;
use serde::Deserialize;

use crate::admin::AdminClient;
use crate::arguments::RequestUrl;
use crate::cli_error::CliError;
use crate::warm::sources::Collected;

#[derive(Debug, Deserialize)]
struct TopKeys {
    requests: Vec<TopKey>,
}

#[derive(Debug, Deserialize)]
struct TopKey {
    key: String,
}

/// Asks for the keys with the most requests, and returns their pages. The cache has up to 100.
///
/// A key from a template, or with a credential, does not have its request.
pub(super) async fn collect(admin: &AdminClient, most: usize) -> Result<Collected, CliError> {
    let top: TopKeys = admin.get("top-keys").await?.read()?;
    let mut pages = Collected::new(None, most);
    for TopKey { key } in top.requests {
        match page(&key) {
            Some(page) if pages.len() < most => pages.add(page),
            Some(_) => break,
            None => pages.skip(),
        }
    }
    Ok(pages)
}

/// A key with header fields is one of several variants. `--header` chooses one for all pages.
fn page(key: &str) -> Option<RequestUrl> {
    let parts = request_parts(key).filter(|parts| parts.fields.is_empty())?;
    let query = parts.query.map_or_else(String::new, |query| format!("?{query}"));
    let page = RequestUrl::parse(&format!("{}{query}", parts.path))?;
    Some(RequestUrl { host: Some(parts.authority.into_owned()).filter(|host| !host.is_empty()), ..page })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_a_uri_has_a_page() {
        let page = |key| page(key).map(|page| (page.host.unwrap_or_default(), page.target));
        let found = page("u|http|shop.example|/products|?q=lamp&page=1");
        assert_eq!(found, Some(("shop.example".to_owned(), "/products?q=lamp&page=1".to_owned())));
        for key in ["k|user:2", "u|http|a|/|h|accept=x", "u|http|a|/|p|7", "v|product|7", ""] {
            assert_eq!(page(key), None, "{key}");
        }
    }
}
