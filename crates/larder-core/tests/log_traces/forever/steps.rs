//! The steps of a history.

use larder_core::log::names::Names;
use larder_core::log::selector::{Event, Glob, Mode, Prefix, Selector, Tag};
use proptest::prelude::*;

const TAGS: usize = 12;

#[derive(Debug, Clone)]
pub(super) enum Step {
    BeginFill { by: usize, tag: usize },
    EndFill { which: usize },
    AskShared { by: usize },
    EndAsk { by: usize, which: usize },
    Invalidate { by: usize, event: Event, reached: Reached },
    Answer { by: usize },
    Flush { by: usize, reached: Reached },
    SendLook { by: usize, count: usize },
    TakeLook { by: usize },
    Trim { keep: usize },
    FailOver { lost: usize },
    Wait { millis: u64 },
}

/// How far an append came.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Reached {
    Answered,
    TimedOut,
    Nothing,
}

pub(super) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let by = 0..2_usize;
    let which = any::<usize>;
    let reached = prop_oneof![
        3 => Just(Reached::Answered),
        1 => Just(Reached::TimedOut),
        1 => Just(Reached::Nothing),
    ];
    let step = prop_oneof![
        5 => (by.clone(), 0..TAGS).prop_map(|(by, tag)| Step::BeginFill { by, tag }),
        5 => which().prop_map(|which| Step::EndFill { which }),
        2 => by.clone().prop_map(|by| Step::AskShared { by }),
        4 => (by.clone(), which()).prop_map(|(by, which)| Step::EndAsk { by, which }),
        4 => (by.clone(), event(), reached.clone())
            .prop_map(|(by, event, reached)| Step::Invalidate { by, event, reached }),
        3 => by.clone().prop_map(|by| Step::Answer { by }),
        3 => (by.clone(), reached).prop_map(|(by, reached)| Step::Flush { by, reached }),
        6 => (by.clone(), 1..4_usize).prop_map(|(by, count)| Step::SendLook { by, count }),
        6 => by.prop_map(|by| Step::TakeLook { by }),
        1 => (0..3_usize).prop_map(|keep| Step::Trim { keep }),
        1 => (0..3_usize).prop_map(|lost| Step::FailOver { lost }),
        2 => (0..1_500_u64).prop_map(|millis| Step::Wait { millis }),
    ];
    prop::collection::vec(step, 1..120)
}

fn event() -> impl Strategy<Value = Event> {
    let selector = prop_oneof![
        12 => (0..TAGS).prop_map(|tag| Selector::Tag(Tag::new(tag.to_string()))),
        2 => (0..TAGS).prop_map(|tag| Selector::Prefix(Prefix::new(&format!("/{}", tag / 4)).unwrap())),
        2 => (0..TAGS).prop_map(|tag| Selector::Glob(Glob::new(&format!("*/{tag}")).unwrap())),
        1 => Just(Selector::All),
    ];
    let mode = prop_oneof![2 => Just(Mode::Hard), 1 => Just(Mode::Soft)];
    (mode, selector).prop_map(|(mode, selector)| Event { mode, selector })
}

pub(super) fn names(tag: usize) -> Names {
    let path = format!("/{}/{tag}", tag / 4);
    Names::new(&path, &[], &[], &[Tag::new(tag.to_string())])
}

/// Returns whether the selector names the response with this tag.
///
/// It is written independently, from the words that [`names`] and [`event`] use.
pub(super) fn is_named(tag: usize, selector: &Selector) -> bool {
    let text = selector.to_text();
    match selector {
        Selector::All => true,
        Selector::Prefix(_) => text == format!("p:/{}", tag / 4),
        Selector::Glob(_) => text == format!("g:*/{tag}"),
        _ => text == format!("t:{tag}"),
    }
}
