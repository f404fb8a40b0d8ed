//! Opens the files, and reads each in its format.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};

use crate::arguments::RequestUrl;
use crate::cli_error::CliError;
use crate::warm::sources::bounded_lines::{Line, next_line};
use crate::warm::sources::collected::Collected;
use crate::warm::sources::format::{Format, detect};
use crate::warm::sources::sitemap::SitemapItem;
use crate::warm::sources::{access_log, sitemap};

/// The bytes that tell the format.
const START: u64 = 16 * 1024;

/// Reads the pages of all files.
pub(crate) fn read_sources(files: &[PathBuf], top: Option<u64>, limit: u64) -> Result<Collected, CliError> {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let mut pages = Collected::new(top.map(number), number(limit));
    for path in files {
        read_file(path, &mut pages)?;
    }
    Ok(pages)
}

fn read_file(path: &Path, pages: &mut Collected) -> Result<(), CliError> {
    let wrong = |problem: &dyn std::fmt::Display| CliError::usage(format!("`{}`: {problem}", path.display()));
    let opened: Box<dyn Read> = match path.as_os_str() == "-" {
        true => Box::new(io::stdin().lock()),
        false => Box::new(File::open(path).map_err(|error| wrong(&error))?),
    };
    let mut reader = BufReader::new(opened);
    let mut start = Vec::new();
    reader.by_ref().take(START).read_to_end(&mut start).map_err(|error| wrong(&error))?;
    let format = detect(&start).map_err(|error| wrong(&error))?;
    let mut reader = BufReader::new(Cursor::new(start).chain(reader));
    let read = match format {
        Format::Sitemap => return read_sitemap(&mut reader, pages).map_err(|error| wrong(&error)),
        Format::AccessLog => read_lines(&mut reader, pages, |line| Some(access_log::page(line))),
        Format::UrlList => read_lines(&mut reader, pages, url),
    };
    read.map_err(|error| wrong(&error))
}

/// Returns the page of a line of a list. An empty line and a comment are no lines.
fn url(line: &str) -> Option<Option<RequestUrl>> {
    let line = line.trim_start_matches('\u{feff}').trim();
    (!line.is_empty() && !line.starts_with('#')).then(|| RequestUrl::parse(line))
}

fn read_lines(
    reader: &mut impl BufRead,
    pages: &mut Collected,
    parse: impl Fn(&str) -> Option<Option<RequestUrl>>,
) -> io::Result<()> {
    while let Some(line) = next_line(reader)? {
        match line {
            Line::TooLong => pages.skip(),
            Line::Text(line) => match parse(&String::from_utf8_lossy(&line)) {
                Some(Some(page)) => pages.add(page),
                Some(None) => pages.skip(),
                None => {}
            },
        }
    }
    Ok(())
}

fn read_sitemap(reader: &mut impl BufRead, pages: &mut Collected) -> Result<(), String> {
    let mut is_index = false;
    let read = sitemap::read(reader, |item| match item {
        SitemapItem::Page(url) => match RequestUrl::parse(&url) {
            Some(page) => pages.add(page),
            None => pages.skip(),
        },
        SitemapItem::TooLong => pages.skip(),
        SitemapItem::Index => is_index = true,
    });
    match (read, is_index) {
        (Err(error), _) => Err(error.to_string()),
        (Ok(()), true) => {
            Err("it is an index of sitemaps, and has no pages: give the sitemaps that it names, \
                               each with `--from`"
                .to_owned())
        }
        (Ok(()), false) => Ok(()),
    }
}
