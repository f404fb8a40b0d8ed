//! Templates: for any template, two different lists of values never give the same text.
#![no_main]

use std::borrow::Cow;

use larder_core::key::template::{KeyTemplate, Template};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, Vec<String>, Vec<String>)| {
    let (text, one, other) = input;
    let Ok(key) = KeyTemplate::parse(&text) else {
        assert!(Template::parse(&text).is_err());
        return;
    };
    assert_eq!(Template::parse(&text).is_ok(), key.query.is_none());
    let template = key.text;
    assert_eq!(template.as_str(), text);
    let parameters = template.names().count();
    let (one, other) = (&one[..parameters.min(one.len())], &other[..parameters.min(other.len())]);
    let (one_text, other_text) = (render(&template, one), render(&template, other));
    assert_eq!(one_text.is_some(), one.len() == parameters);
    if one.len() == parameters && other.len() == parameters {
        assert_eq!(one == other, one_text == other_text, "{one:?} {other:?}");
    }
});

fn render(template: &Template, values: &[String]) -> Option<String> {
    let mut values = values.iter();
    template.render(|_| values.next().map(|value| Cow::Borrowed(value.as_str()))).ok()
}
