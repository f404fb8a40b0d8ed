//! What is done to the fields of a request before it is looked up.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use larder_core::http::vary::languages;

use super::{Policy, ReadYourWrites};

/// Behind one pointer, which is all that a hit looks at where a policy asks for nothing of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Before {
    pub(crate) own_writes: Option<ReadYourWrites>,
    sort_languages: bool,
}

impl Before {
    /// Gives the fields of a request the spelling that they are looked up in.
    pub(crate) fn spell(&self, request: &mut HeaderMap) {
        if self.sort_languages
            && let Some(sorted) = languages::in_order(request)
        {
            request.insert(ACCEPT_LANGUAGE, sorted);
        }
    }
}

impl Policy {
    pub(super) fn before(&mut self) -> &mut Before {
        self.before.get_or_insert_default()
    }

    pub(crate) fn own_writes(&self) -> Option<&ReadYourWrites> {
        self.before.as_ref()?.own_writes.as_ref()
    }

    /// Gives each request the same order and spelling of its `Accept-Language` before anything sees it: languages by weight,
    /// those of one weight by name. Responses that vary on it are then shared by all who accept the same languages.
    ///
    /// `de, en` and `en, de` mean the same (RFC 9110 §12.5.4); a handler that took the first of them to be the better one is
    /// told no longer which that was.
    #[must_use]
    pub fn sort_languages(mut self) -> Self {
        self.before().sort_languages = true;
        self
    }
}
