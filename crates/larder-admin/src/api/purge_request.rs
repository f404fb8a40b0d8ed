//! The body of a purge.

use larder::{Glob, Invalidation, Prefix, Selector, Tag, UriName};
use serde::Deserialize;

use crate::api_error::ApiError;

/// The most selectors of one purge.
const MAX_SELECTORS: usize = 1000;
/// The text that confirms a purge of everything.
const EVERYTHING: &str = "everything";

/// The responses and values to purge, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PurgeRequest {
    tags: Vec<String>,
    keys: Vec<String>,
    uris: Vec<String>,
    prefixes: Vec<String>,
    globs: Vec<String>,
    all: bool,
    /// A purge of everything needs the text `everything` here.
    confirm: Option<String>,
    /// Whether what is purged becomes stale, and is not refused.
    soft: bool,
    /// Whether to say what would be purged, and change nothing.
    pub(crate) dry_run: bool,
    /// How many of the purged responses are filled again at once.
    pub(crate) refill: usize,
}

impl PurgeRequest {
    /// Returns the invalidation that this describes.
    pub(crate) fn to_invalidation(&self) -> Result<Invalidation, ApiError> {
        if self.all && !self.dry_run && self.confirm.as_deref() != Some(EVERYTHING) {
            let text = format!("a purge of everything needs `\"confirm\": \"{EVERYTHING}\"`");
            return Err(ApiError::Invalid(text));
        }
        let mut selectors = self.selectors()?.into_iter();
        let Some(first) = selectors.next() else {
            return Err(ApiError::Invalid("a purge names something: `tags`, `keys`, `uris` …".to_owned()));
        };
        let invalidation = selectors.fold(Invalidation::of(first), Invalidation::and);
        Ok(if self.soft { invalidation.soft() } else { invalidation })
    }

    fn selectors(&self) -> Result<Vec<Selector>, ApiError> {
        let lists = [&self.tags, &self.keys, &self.uris, &self.prefixes, &self.globs];
        if lists.iter().map(|list| list.len()).sum::<usize>() > MAX_SELECTORS {
            return Err(ApiError::Invalid(format!("a purge has at most {MAX_SELECTORS} selectors")));
        }
        let mut selectors = Vec::new();
        selectors.extend(self.tags.iter().map(|tag| Selector::Tag(Tag::new(&**tag))));
        selectors.extend(self.keys.iter().map(|key| Selector::Key((&**key).into())));
        extend(&mut selectors, &self.uris, |uri| UriName::new(uri).map(Selector::Uri))?;
        extend(&mut selectors, &self.prefixes, |prefix| Prefix::new(prefix).map(Selector::Prefix))?;
        extend(&mut selectors, &self.globs, |glob| Glob::new(glob).map(Selector::Glob))?;
        selectors.extend(self.all.then_some(Selector::All));
        Ok(selectors)
    }
}

fn extend(
    selectors: &mut Vec<Selector>,
    texts: &[String],
    parse: impl Fn(&str) -> Result<Selector, larder::SelectorError>,
) -> Result<(), ApiError> {
    for text in texts {
        let selector = parse(text).map_err(|error| ApiError::Invalid(format!("`{text}`: {error}")))?;
        selectors.push(selector);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: serde_json::Value) -> Result<Invalidation, String> {
        let request: PurgeRequest = serde_json::from_value(body).map_err(|error| error.to_string())?;
        request.to_invalidation().map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn a_purge_names_something_that_can_be_named() {
        for body in [
            json!({ "tags": ["product:7"] }),
            json!({ "tags": ["a"], "keys": ["k"], "uris": ["/a?b=c"], "prefixes": ["/a"], "globs": ["/a/*"] }),
            json!({ "all": true, "confirm": "everything" }),
            json!({ "all": true, "dry_run": true }),
        ] {
            assert!(parse(body.clone()).is_ok(), "{body}");
        }
        let many: Vec<_> = (0..=MAX_SELECTORS).map(|number| number.to_string()).collect();
        for body in [
            json!({}),
            json!({ "all": true }),
            json!({ "all": true, "confirm": "yes" }),
            json!({ "tag": "product:7" }),
            json!({ "uris": ["no uri"] }),
            json!({ "prefixes": ["a/b"] }),
            json!({ "globs": ["x"] }),
            json!({ "tags": many }),
        ] {
            assert!(parse(body.clone()).is_err(), "{body}");
        }
    }
}
