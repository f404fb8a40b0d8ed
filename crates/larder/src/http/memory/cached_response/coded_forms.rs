//! The coded forms of a stored response.
//!
//! They are a part of the response itself. So none outlives it, and none is served beside another
//! body: a response that replaces it begins without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use bytes::Bytes;
use larder_core::http::content_coding::ContentCoding;
use larder_core::http::content_coding::codable::is_codable;
use larder_core::http::content_coding::coded_fields::set_coded;

use super::CachedResponse;
use crate::http::memory::refresh_state::RefreshState;
use crate::http::memory::stored_fields::StoredFields;

/// The coded forms of a stored response, and what is known about them.
#[derive(Default)]
pub(super) struct CodedForms {
    forms: Option<Box<[CodedForm; 3]>>,
    facts: AtomicU8,
}

/// A stored response in one coding.
#[derive(Clone, Default)]
pub(crate) enum CodedForm {
    /// It was not made yet.
    #[default]
    Unknown,
    /// The response with the coded body, and with the fields that describe that body.
    Coded(Arc<CachedResponse>),
    /// The coding makes the body no smaller, or fails.
    Useless,
}

// The facts. The lowest three bits are for the codings whose forms are being made.
const SHARED: u8 = 1 << 3;
const CODABLE: u8 = 1 << 4;
const NOT_CODABLE: u8 = 1 << 5;

impl CodedForms {
    fn has(&self, fact: u8) -> bool {
        self.facts.load(Ordering::Relaxed) & fact != 0
    }

    /// Notes a fact. Returns whether it is new.
    fn note(&self, fact: u8) -> bool {
        self.facts.fetch_or(fact, Ordering::Relaxed) & fact == 0
    }

    fn with(&self, coding: ContentCoding, form: CodedForm) -> Self {
        let mut forms = self.forms.clone().unwrap_or_default();
        forms[coding.index()] = form;
        // That a form is being made is not copied: its job may end with the earlier response, and
        // the note would stay here. A second attempt finds the running job.
        let facts = self.facts.load(Ordering::Relaxed) & (SHARED | CODABLE | NOT_CODABLE);
        Self { forms: Some(forms), facts: AtomicU8::new(facts) }
    }

    fn coded(&self) -> impl Iterator<Item = (ContentCoding, &Arc<CachedResponse>)> {
        let forms = self.forms.iter().flat_map(|forms| forms.iter());
        ContentCoding::ALL.into_iter().zip(forms).filter_map(|(coding, form)| match form {
            CodedForm::Coded(coded) => Some((coding, coded)),
            CodedForm::Unknown | CodedForm::Useless => None,
        })
    }

    pub(super) fn weight(&self) -> usize {
        let coded = self.coded().map(|(_, coded)| usize::try_from(coded.weight()).unwrap_or(usize::MAX));
        let own = self.forms.as_ref().map_or(0, |_| size_of::<[CodedForm; 3]>());
        coded.fold(own, usize::saturating_add)
    }
}

impl CachedResponse {
    /// Returns the form of the response in this coding.
    #[inline]
    pub(crate) fn coded_form(&self, coding: ContentCoding) -> &CodedForm {
        match &self.coded.forms {
            Some(forms) => &forms[coding.index()],
            None => &CodedForm::Unknown,
        }
    }

    /// Returns the codings in which the response is stored beside its own body.
    pub(crate) fn codings(&self) -> Vec<ContentCoding> {
        self.coded.coded().map(|(coding, _)| coding).collect()
    }

    /// Whether the response may be coded. It never changes, so it is computed once.
    pub(crate) fn is_codable(&self) -> bool {
        if !self.coded.has(CODABLE | NOT_CODABLE) {
            let is_codable = self.meta.part().is_none()
                && is_codable(self.status, &self.fields.to_table(), Some(self.body.len()));
            self.coded.note(if is_codable { CODABLE } else { NOT_CODABLE });
        }
        self.coded.has(CODABLE)
    }

    /// Notes that the form in this coding is being made. Returns whether that is new.
    pub(crate) fn note_being_coded(&self, coding: ContentCoding) -> bool {
        self.coded.note(1 << coding.index())
    }

    /// Notes that the form in this coding is not being made any more.
    pub(crate) fn note_not_being_coded(&self, coding: ContentCoding) {
        self.coded.facts.fetch_and(!(1 << coding.index()), Ordering::Relaxed);
    }

    /// Notes that the response is in the shared tier. Its coded forms may then be there, too.
    pub(crate) fn note_shared(&self) {
        self.coded.note(SHARED);
    }

    /// Whether the response is known to be in the shared tier.
    pub(crate) fn is_shared(&self) -> bool {
        self.coded.has(SHARED)
    }

    /// Returns the same response with this form. An empty body is of no use.
    pub(crate) fn with_coded_body(&self, coding: ContentCoding, coded: &Bytes) -> Self {
        let form = match coded.is_empty() {
            true => CodedForm::Useless,
            false => CodedForm::Coded(Arc::new(self.coded_as(coding, coded.clone()))),
        };
        Self { coded: self.coded.with(coding, form), ..self.with_body(self.body.clone()) }
    }

    /// Returns the response in this coding.
    ///
    /// It has the position and the names of the response, and its age and lifetime. Its id is new,
    /// because its fields are others.
    pub(crate) fn coded_as(&self, coding: ContentCoding, coded: Bytes) -> Self {
        let mut form = self.with_body(coded);
        let mut fields = self.fields.to_table();
        set_coded(&mut fields, coding, &form.body);
        form.fields = StoredFields::packed(&fields);
        form.for_memory()
    }

    /// Returns this response with the forms of `base`, which has the same body.
    ///
    /// Their fields are those of this response. If it may not be coded, it has none.
    pub(crate) fn with_coded_forms_of(self, base: &Self) -> Self {
        let is_same = self.has_body_of(base) && self.is_codable();
        let forms = base.coded.coded().filter(|_| is_same);
        let forms: Vec<_> = forms.map(|(coding, coded)| (coding, coded.body.clone())).collect();
        forms.into_iter().fold(self, |response, (coding, body)| response.with_coded_body(coding, &body))
    }

    /// Whether `other` has the same body. A large one counts only if it is stored once.
    pub(crate) fn has_body_of(&self, other: &Self) -> bool {
        let is_slice = self.body.as_ptr() == other.body.as_ptr() && self.body.len() == other.body.len();
        // A small body is copied into the buffer of each response.
        is_slice || Self::is_gathered(self.body.len()) && self.body == other.body
    }

    /// Returns the same response with another body, and without coded forms.
    fn with_body(&self, body: Bytes) -> Self {
        Self {
            status: self.status,
            fields: self.fields.clone(),
            body,
            meta: self.meta.clone(),
            filled_at: self.filled_at,
            age: self.age,
            received_at: self.received_at,
            stale_at: self.stale_at,
            id: self.id,
            valid_at_generation: super::AtomicU64::new(self.valid_at_generation.load(Ordering::Relaxed)),
            route: self.route.clone(),
            refresh: RefreshState::default(),
            shared_copy: self.shared_copy.clone(),
            coded: CodedForms::default(),
        }
    }
}
