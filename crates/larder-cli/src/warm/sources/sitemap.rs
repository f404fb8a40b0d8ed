//! The pages of a sitemap (sitemaps.org): the text of each `loc`.
//!
//! This reads only what it needs of XML: elements by their names, entities, CDATA and comments. A
//! text that is not in `loc` is not kept, and one that is too long is skipped.

use std::io::{self, BufRead};

/// The longest text of a `loc`, with its entities. The protocol permits 2,048 characters.
const MAX_LOC: usize = 8 * 1024;
/// The longest tag, or start of a comment, that is kept.
const MAX_TAG: usize = 1024;

/// A part of a sitemap.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum SitemapItem {
    /// The address of a page.
    Page(String),
    /// A `loc` that is too long.
    TooLong,
    /// This is an index of other sitemaps.
    Index,
}

/// Reads a sitemap, and hands over its items. Stops at an index.
pub(super) fn read(reader: &mut impl BufRead, mut item: impl FnMut(SitemapItem)) -> io::Result<()> {
    let mut loc: Option<Vec<u8>> = None;
    loop {
        // The text up to the next tag.
        let mut text = Bounded::new(if loc.is_some() { MAX_LOC } else { 0 });
        let has_tag = take_until(reader, b"<", &mut text)?;
        if let Some(loc) = &mut loc {
            append(loc, unescape(&text.bytes).as_bytes(), text.is_cut);
        }
        if !has_tag {
            return Ok(());
        }
        match read_tag(reader)? {
            Tag::Open(name) if name == "sitemapindex" => {
                item(SitemapItem::Index);
                return Ok(());
            }
            Tag::Open(name) if name == "loc" => loc = Some(Vec::new()),
            Tag::Close(name) if name == "loc" => {
                if let Some(text) = loc.take() {
                    item(page(&text));
                }
            }
            Tag::Text(text, is_cut) => {
                if let Some(loc) = &mut loc {
                    append(loc, &text, is_cut);
                }
            }
            _ => {}
        }
    }
}

fn append(loc: &mut Vec<u8>, text: &[u8], is_cut: bool) {
    loc.extend_from_slice(text);
    // One byte over the bound marks a text that is too long.
    loc.resize(if is_cut { MAX_LOC + 1 } else { loc.len().min(MAX_LOC + 1) }, 0);
}

fn page(text: &[u8]) -> SitemapItem {
    if text.len() > MAX_LOC {
        return SitemapItem::TooLong;
    }
    SitemapItem::Page(String::from_utf8_lossy(text).trim().to_owned())
}

enum Tag {
    Open(String),
    Close(String),
    /// The text of CDATA, which has no entities, and whether it is cut.
    Text(Vec<u8>, bool),
    /// A comment, a declaration, an instruction.
    Other,
}

/// Reads a tag whose `<` was read.
fn read_tag(reader: &mut impl BufRead) -> io::Result<Tag> {
    let mut tag = Bounded::new(MAX_TAG);
    loop {
        let Some(byte) = next_byte(reader)? else { return Ok(Tag::Other) };
        tag.push(byte);
        match &*tag.bytes {
            b"!--" => return take_until(reader, b"-->", &mut Bounded::new(0)).map(|_| Tag::Other),
            b"![CDATA[" => {
                let mut text = Bounded::new(MAX_LOC);
                take_until(reader, b"]]>", &mut text)?;
                return Ok(Tag::Text(text.bytes, text.is_cut));
            }
            _ if byte == b'>' => return Ok(named_tag(&tag.bytes)),
            _ => {}
        }
    }
}

/// Returns a tag by its name. A prefix counts: `image:loc` is the address of an image.
fn named_tag(tag: &[u8]) -> Tag {
    let tag = String::from_utf8_lossy(tag);
    let name = |tag: &str| {
        let end = tag.find(|character: char| character.is_whitespace() || matches!(character, '>' | '/'));
        tag[..end.unwrap_or(tag.len())].to_owned()
    };
    match tag.strip_prefix('/') {
        Some(rest) => Tag::Close(name(rest)),
        None if tag.starts_with(['!', '?']) => Tag::Other,
        None => Tag::Open(name(&tag)),
    }
}

/// Replaces the five entities of XML, and numbers of characters. Any other one stays.
fn unescape(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let mut plain = String::with_capacity(text.len());
    let mut rest = &*text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        let entity = rest[at + 1..].find(';').map(|end| &rest[at + 1..at + 1 + end]);
        match entity.and_then(|entity| Some((entity, character(entity)?))) {
            Some((entity, character)) => {
                plain.push(character);
                rest = &rest[at + entity.len() + 2..];
            }
            None => {
                plain.push('&');
                rest = &rest[at + 1..];
            }
        }
    }
    plain + rest
}

fn character(entity: &str) -> Option<char> {
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => {
            let number = entity.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)
        }
    }
}

/// Bytes up to a bound.
struct Bounded {
    bytes: Vec<u8>,
    bound: usize,
    is_cut: bool,
}

impl Bounded {
    const fn new(bound: usize) -> Self {
        Self { bytes: Vec::new(), bound, is_cut: false }
    }

    fn push(&mut self, byte: u8) {
        if self.bytes.len() < self.bound {
            self.bytes.push(byte);
        } else {
            self.is_cut = self.bound > 0;
        }
    }
}

/// Reads up to an end, and the end with it. Returns `false` if the file ends first.
fn take_until(reader: &mut impl BufRead, end: &[u8], text: &mut Bounded) -> io::Result<bool> {
    let mut last = Vec::with_capacity(end.len() + 1);
    while let Some(byte) = next_byte(reader)? {
        last.push(byte);
        if last == end {
            return Ok(true);
        }
        if last.len() == end.len() {
            text.push(last.remove(0));
        }
    }
    last.into_iter().for_each(|byte| text.push(byte));
    Ok(false)
}

fn next_byte(reader: &mut impl BufRead) -> io::Result<Option<u8>> {
    let byte = reader.fill_buf()?.first().copied();
    reader.consume(usize::from(byte.is_some()));
    Ok(byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn items(xml: &str) -> Vec<SitemapItem> {
        let mut items = Vec::new();
        read(&mut xml.as_bytes(), |item| items.push(item)).unwrap();
        items
    }

    #[test]
    fn the_pages_are_the_texts_of_loc() {
        let page = |url: &str| SitemapItem::Page(url.to_owned());
        let head = "<?xml version=\"1.0\"?><!-- <loc>no</loc> --><urlset xmlns=\"x\">";
        for (xml, expected) in [
            ("<url><loc>https://a/b</loc><lastmod>2025</lastmod></url>", vec![page("https://a/b")]),
            (
                "<url><loc>\n https://a/?b&amp;c&#x2F;&#47;&lt; \n</loc></url>",
                vec![page("https://a/?b&c//<")],
            ),
            ("<loc><![CDATA[https://a/?b&amp;c]]></loc>", vec![page("https://a/?b&amp;c")]),
            (
                "<loc>https://a/<!-- x -->b</loc><loc>https://c/</loc>",
                vec![page("https://a/b"), page("https://c/")],
            ),
            ("<image:loc>https://a/b.png</image:loc>", vec![]),
            ("<loc >a&unknown;b&</loc\n>", vec![page("a&unknown;b&")]),
            ("<loc/><loc>a", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(items(&format!("{head}{xml}")), expected, "{xml}");
        }
        assert_eq!(items("<sitemapindex><sitemap><loc>https://a/</loc>"), [SitemapItem::Index]);
    }

    #[test]
    fn a_text_that_is_too_long_is_skipped() {
        let long = "x".repeat(MAX_LOC + 1);
        for text in [&long, &format!("<![CDATA[{long}]]>"), &format!("{0}<!-- -->{0}", &long[..MAX_LOC - 1])]
        {
            let expected = [SitemapItem::TooLong, SitemapItem::Page("https://a/".to_owned())];
            assert_eq!(items(&format!("<loc>{text}</loc><loc>https://a/</loc>")), expected);
        }
        // What is not in `loc` may have any length.
        let xml = format!("<!-- {long} --><p a=\"{long}\">{long}</p><loc>https://a/</loc>");
        assert_eq!(items(&xml), [SitemapItem::Page("https://a/".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_xml_panics(
            xml in "(<|>|&|;|#|x|!|-|\\[|\\]|CDATA|loc|/|é|1| ){0,60}",
            urls in proptest::collection::vec("[a-z&<>'\"é/]{1,20}", 0..4),
        ) {
            items(&xml);
            let escape = |url: &String| url.replace('&', "&amp;").replace('<', "&lt;");
            let xml: String = urls.iter().map(|url| format!("<url><loc>{}</loc></url>", escape(url))).collect();
            let expected: Vec<_> = urls.into_iter().map(SitemapItem::Page).collect();
            prop_assert_eq!(items(&xml), expected);
        }
    }
}
