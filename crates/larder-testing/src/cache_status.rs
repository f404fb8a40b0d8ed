//! The `Cache-Status` field of a response, parsed for assertions.

use http::HeaderMap;
use http::header::CACHE_STATUS;
use sfv::{BareItem, Item, List, ListEntry, Parser};

/// The report of a cache about a response, from `Cache-Status` (RFC 9211).
///
/// # Examples
///
/// ```
/// use http::header::{CACHE_STATUS, HeaderMap, HeaderValue};
/// use larder_testing::CacheStatus;
///
/// let mut headers = HeaderMap::new();
/// let value = "Larder; fwd=uri-miss; fwd-status=200; stored; detail=never-stored";
/// headers.insert(CACHE_STATUS, HeaderValue::from_static(value));
///
/// let status = CacheStatus::from_headers(&headers).expect("the response has passed a cache");
/// assert!(status.is_stored() && !status.is_hit());
/// assert_eq!(status.forwarded(), Some("uri-miss"));
/// assert_eq!(status.detail(), Some("never-stored"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CacheStatus {
    member: Item,
}

impl CacheStatus {
    /// Parses the status that the cache nearest to the client reports.
    ///
    /// RFC 9211 §2: "the first member represents the cache closest to the origin server, and the
    /// last member represents the cache closest to the user". Returns `None` if the field is
    /// missing or malformed.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        Self::all_from_headers(headers).pop()
    }

    /// Parses the status of each cache on the way, from the origin to the client.
    #[must_use]
    pub fn all_from_headers(headers: &HeaderMap) -> Vec<Self> {
        let lines: Vec<_> = headers.get_all(CACHE_STATUS).iter().map(http::HeaderValue::as_bytes).collect();
        let list: List = Parser::new(&lines.join(&b", "[..])).parse().unwrap_or_default();
        let members = list.into_iter().filter_map(|member| match member {
            ListEntry::Item(member) => Some(Self { member }),
            ListEntry::InnerList(_) => None,
        });
        members.collect()
    }

    /// Returns the name of the cache.
    #[must_use]
    pub fn cache(&self) -> &str {
        text(&self.member.bare_item).unwrap_or_default()
    }

    /// Returns whether the response was served from the cache (`hit`, RFC 9211 §2.1).
    #[must_use]
    pub fn is_hit(&self) -> bool {
        self.is_set("hit")
    }

    /// Returns whether the cache stores the response (`stored`, RFC 9211 §2.5).
    #[must_use]
    pub fn is_stored(&self) -> bool {
        self.is_set("stored")
    }

    /// Returns whether the request shared the fill of another one (`collapsed`, RFC 9211 §2.6).
    #[must_use]
    pub fn is_collapsed(&self) -> bool {
        self.is_set("collapsed")
    }

    /// Returns why the request was forwarded (`fwd`, RFC 9211 §2.2). `None` if it was not.
    #[must_use]
    pub fn forwarded(&self) -> Option<&str> {
        text(self.member.params.get("fwd")?)
    }

    /// Returns the status code of the handler's response (`fwd-status`, RFC 9211 §2.3).
    #[must_use]
    pub fn forwarded_status(&self) -> Option<u16> {
        u16::try_from(self.number("fwd-status")?).ok()
    }

    /// Returns the remaining freshness lifetime in seconds (`ttl`, RFC 9211 §2.4).
    ///
    /// It is negative for a stale response.
    #[must_use]
    pub fn ttl(&self) -> Option<i64> {
        self.number("ttl")
    }

    /// Returns the reason of the outcome (`detail`, RFC 9211 §2.8).
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        text(self.member.params.get("detail")?)
    }

    fn is_set(&self, name: &str) -> bool {
        self.member.params.get(name) == Some(&BareItem::Boolean(true))
    }

    fn number(&self, name: &str) -> Option<i64> {
        match self.member.params.get(name)? {
            BareItem::Integer(number) => Some((*number).into()),
            _ => None,
        }
    }
}

fn text(item: &BareItem) -> Option<&str> {
    match item {
        BareItem::Token(token) => Some(token.as_str()),
        BareItem::String(text) => Some(text.as_str()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[&'static str]) -> HeaderMap {
        lines.iter().map(|line| (CACHE_STATUS, http::HeaderValue::from_static(line))).collect()
    }

    #[test]
    fn the_last_member_is_the_cache_nearest_to_the_client() {
        let headers = headers(&["\"origin cache\"; hit", "Larder; hit; ttl=-3; detail=memory"]);
        let all = CacheStatus::all_from_headers(&headers);
        assert_eq!(all.iter().map(CacheStatus::cache).collect::<Vec<_>>(), ["origin cache", "Larder"]);
        let last = CacheStatus::from_headers(&headers).unwrap();
        assert!(last.is_hit() && !last.is_stored() && !last.is_collapsed());
        assert_eq!((last.ttl(), last.detail(), last.forwarded()), (Some(-3), Some("memory"), None));
    }

    #[test]
    fn a_forwarded_request_has_a_reason_and_a_status() {
        let status = headers(&[
            "Larder; fwd=stale; fwd-status=304; stored; collapsed; detail=\"not stored: no-store\"",
        ]);
        let status = CacheStatus::from_headers(&status).unwrap();
        assert_eq!((status.forwarded(), status.forwarded_status()), (Some("stale"), Some(304)));
        assert!(status.is_stored() && status.is_collapsed() && !status.is_hit());
        assert_eq!(status.detail(), Some("not stored: no-store"));
    }

    #[test]
    fn a_field_that_cannot_be_parsed_has_no_members() {
        for lines in [&[][..], &["Larder; hit;;"], &["(a b); hit"], &["Larder", "?"]] {
            assert_eq!(CacheStatus::from_headers(&headers(lines)), None, "{lines:?}");
        }
    }
}
