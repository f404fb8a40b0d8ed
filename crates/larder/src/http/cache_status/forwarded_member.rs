//! The member of `Cache-Status` for a request that the cache forwarded to the handler.

use std::mem;

use arrayvec::ArrayString;
use http::{HeaderValue, StatusCode};
use larder_core::outcome::{BypassReason, Outcome};

use crate::http::cache_status::ForwardInfo;
use crate::http::cache_status::reporting::{DEFAULT_NAME, MAX_WRITTEN_NAME};

/// The capacity for a member in bytes. It is enough for every member.
const MAX_MEMBER: usize = MAX_WRITTEN_NAME + 130;

/// The text of a member.
pub(super) type Member = ArrayString<MAX_MEMBER>;

impl ForwardInfo {
    /// Calls `push` with the parameters of the member, in order.
    pub(super) fn write(&self, mut push: impl FnMut(&str)) {
        if let Some(status) = &self.status {
            push("; fwd-status=");
            push(status.as_str());
        }
        if self.stored == Some(Ok(())) {
            push("; stored");
        }
        if self.collapsed {
            push("; collapsed");
        }
    }
}

/// Returns the member of the cache with this name.
pub(super) fn forwarded_member(name: &str, outcome: Outcome, forwarded: ForwardInfo) -> Member {
    let mut member = Member::new();
    // The member always fits. No client and no handler can choose the length of any part of it.
    let mut push = |text: &str| {
        let _ = member.try_push_str(text);
    };
    push(name);
    push("; fwd=");
    push(match outcome {
        Outcome::Miss(reason) => reason.fwd(),
        Outcome::Bypass(reason) => reason.fwd(),
        Outcome::Hit(_) | Outcome::Stale(..) => "miss",
    });
    forwarded.write(&mut push);
    match forwarded.stored {
        Some(Err(reason)) => {
            for part in ["; detail=\"", outcome.reason(), ", not stored: ", reason.as_str(), "\""] {
                push(part);
            }
        }
        _ => {
            push("; detail=");
            push(outcome.reason());
        }
    }
    member
}

/// Returns the member if it is one of those that most bypasses have.
///
/// They are made at compile time, so they are not written for each request.
pub(super) fn prepared_member(name: &str, outcome: Outcome, forwarded: ForwardInfo) -> Option<HeaderValue> {
    match (outcome, forwarded) {
        (
            Outcome::Bypass(reason),
            ForwardInfo { status: Some(StatusCode::OK), stored: None, collapsed: false },
        ) if name == DEFAULT_NAME => BYPASSED.get(reason.index()).cloned(),
        _ => None,
    }
}

/// The number of reasons for a bypass.
const REASONS: usize = BypassReason::ALL.len();

/// The members of bypasses that the handler has answered with a 200, by the index of the reason.
static BYPASSED: [HeaderValue; REASONS] = bypassed();

const fn bypassed() -> [HeaderValue; REASONS] {
    let mut all = [const { HeaderValue::from_static("") }; REASONS];
    let mut index = 0;
    while index < REASONS {
        let member = HeaderValue::from_static(TEXTS[index].as_str());
        mem::forget(mem::replace(&mut all[index], member));
        index += 1;
    }
    all
}

/// The texts of these members.
static TEXTS: [Text; REASONS] = texts();

const fn texts() -> [Text; REASONS] {
    let mut all = [Text::EMPTY; REASONS];
    let mut index = 0;
    while index < REASONS {
        let reason = BypassReason::ALL[index];
        let text = Text::EMPTY.with(DEFAULT_NAME).with("; fwd=").with(reason.fwd());
        all[index] = text.with("; fwd-status=200; detail=").with(reason.as_str());
        index += 1;
    }
    all
}

/// A text that is written at compile time.
#[derive(Clone, Copy)]
struct Text {
    bytes: [u8; 96],
    len: usize,
}

impl Text {
    const EMPTY: Self = Self { bytes: [0; 96], len: 0 };

    const fn with(mut self, text: &str) -> Self {
        let text = text.as_bytes();
        let mut index = 0;
        while index < text.len() {
            self.bytes[self.len] = text[index];
            self.len += 1;
            index += 1;
        }
        self
    }

    const fn as_str(&self) -> &str {
        match std::str::from_utf8(self.bytes.split_at(self.len).0) {
            Ok(text) => text,
            Err(_) => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use larder_core::outcome::{MissReason, NotStored};

    use super::*;

    fn answered(status: StatusCode) -> ForwardInfo {
        ForwardInfo { status: Some(status), ..ForwardInfo::default() }
    }

    #[test]
    fn a_prepared_member_is_the_one_that_is_written() {
        for reason in BypassReason::ALL {
            let (outcome, forwarded) = (Outcome::Bypass(*reason), answered(StatusCode::OK));
            let prepared = prepared_member(DEFAULT_NAME, outcome, forwarded).unwrap();
            assert_eq!(prepared, *forwarded_member(DEFAULT_NAME, outcome, forwarded));
        }
    }

    #[test]
    fn a_member_of_another_name_or_status_or_outcome_is_written() {
        let bypass = Outcome::Bypass(BypassReason::Method);
        let ok = answered(StatusCode::OK);
        assert_eq!(prepared_member("edge", bypass, ok), None);
        assert_eq!(prepared_member(DEFAULT_NAME, bypass, answered(StatusCode::NO_CONTENT)), None);
        assert_eq!(prepared_member(DEFAULT_NAME, Outcome::Miss(MissReason::Vary), ok), None);
        for stored in [Ok(()), Err(NotStored::Method)] {
            let forwarded = ForwardInfo { stored: Some(stored), ..ok };
            assert_eq!(prepared_member(DEFAULT_NAME, bypass, forwarded), None);
        }
        assert_eq!(prepared_member(DEFAULT_NAME, bypass, ForwardInfo { collapsed: true, ..ok }), None);
    }

    /// Nothing is cut off.
    #[test]
    fn the_longest_member_fits() {
        let name = "x".repeat(MAX_WRITTEN_NAME);
        let outcomes = MissReason::ALL.iter().map(|reason| Outcome::Miss(*reason));
        let outcomes = outcomes.chain(BypassReason::ALL.iter().map(|reason| Outcome::Bypass(*reason)));
        for outcome in outcomes {
            for stored in NotStored::ALL.iter().map(|reason| Err(*reason)).chain([Ok(())]) {
                let forwarded =
                    ForwardInfo { status: Some(StatusCode::OK), stored: Some(stored), collapsed: true };
                let member = forwarded_member(&name, outcome, forwarded);
                assert!(member.remaining_capacity() > 0, "{member}");
            }
        }
    }
}
