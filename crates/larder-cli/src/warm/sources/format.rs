//! Which format a file has, by its first bytes.

use crate::warm::sources::access_log::is_access_log;

/// The format of a file with pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// An access log.
    AccessLog,
    /// A sitemap.
    Sitemap,
    /// One URL a line.
    UrlList,
}

/// Returns the format of a file that begins with these bytes, or what is wrong with it.
pub(super) fn detect(start: &[u8]) -> Result<Format, &'static str> {
    if start.starts_with(&[0x1f, 0x8b]) {
        return Err("it is compressed: `gzip -dc FILE | larder warm --from -`");
    }
    if start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]) {
        return Err("it is UTF-16, and has to be UTF-8");
    }
    let text = String::from_utf8_lossy(start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start));
    if text.trim_start().starts_with('<') {
        return Ok(Format::Sitemap);
    }
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(if lines.any(is_access_log) { Format::AccessLog } else { Format::UrlList })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_content_tells_the_format() {
        for (start, expected) in [
            ("\u{feff}<?xml version=\"1.0\"?><urlset>", Format::Sitemap),
            ("\n  <urlset>", Format::Sitemap),
            ("# pages\nhttps://shop.example/\n", Format::UrlList),
            ("/a\n/b\n", Format::UrlList),
            ("", Format::UrlList),
            ("1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] \"GET / HTTP/1.1\" 200 1\n", Format::AccessLog),
            ("1.2.3.4 - - [10/Oct/2025:13:55:36 +0000] \"-\" 408 0\n", Format::AccessLog),
        ] {
            assert_eq!(detect(start.as_bytes()), Ok(expected), "{start}");
        }
        assert!(detect(&[0x1f, 0x8b, 8]).is_err());
        assert!(detect(&[0xff, 0xfe, b'<', 0]).is_err());
    }
}
