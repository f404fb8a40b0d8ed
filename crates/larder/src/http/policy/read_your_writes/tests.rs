use http::Request;
use http::header::{COOKIE, HeaderName, SET_COOKIE};
use larder_core::log::position::Incarnation;
use larder_core::log::selector::Event;
use larder_core::log::tail::{Limits, Tail};
use larder_core::time::Boot;

use super::*;

const TEXT: &str = "1-1-2-3";
const NAME: HeaderName = HeaderName::from_static("larder-token");
const STALENESS: Duration = Duration::from_millis(2500);

fn request(lines: &[(HeaderName, &str)]) -> HeaderMap {
    let builder =
        lines.iter().fold(Request::builder(), |request, (name, value)| request.header(name, *value));
    builder.body(()).unwrap().into_parts().0.headers
}

/// Returns the text of the token that is taken out of a request, and the lines that are left.
///
/// The text is `-` for no token, and `?` for an invalid one.
fn taken(how: &ReadYourWrites, lines: &[(HeaderName, &str)]) -> (String, Vec<String>) {
    let mut headers = request(lines);
    let token = match how.take(&mut headers) {
        None => "-".to_owned(),
        Some(Err(_)) => "?".to_owned(),
        Some(Ok(token)) => token.to_string(),
    };
    let left = headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()));
    (token, left.collect())
}

#[test]
fn a_token_is_taken_out_of_the_cookies_and_the_others_stay() {
    let table: [(&[&str], &str, &[&str]); 10] = [
        (&[], "-", &[]),
        (&["a=1; b=2"], "-", &["cookie: a=1; b=2"]),
        (&["seen=1-1-2-3"], TEXT, &[]),
        (&["a=1; seen=1-1-2-3; b = \"x=y\""], TEXT, &["cookie: a=1; b=\"x=y\""]),
        (&["a=1", "seen=1-1-2-3", "b=2; bare"], TEXT, &["cookie: a=1; b=2; bare"]),
        (&["Seen=1-1-2-3"], "-", &["cookie: Seen=1-1-2-3"]),
        (&["seen=; a=1"], "?", &["cookie: a=1"]),
        (&["seen=x y"], "?", &[]),
        (&["seen=1-1-2-3; seen=1-1-2-4"], "?", &[]),
        (&["seen"], "-", &["cookie: seen"]),
    ];
    for (cookies, token, left) in table {
        let lines: Vec<_> = cookies.iter().map(|line| (COOKIE, *line)).collect();
        let expected = (token.to_owned(), left.iter().map(|line| (*line).to_owned()).collect());
        assert_eq!(taken(&ReadYourWrites::cookie("seen"), &lines), expected, "{cookies:?}");
    }
}

#[test]
fn a_token_is_taken_out_of_its_header_field() {
    let how = ReadYourWrites::header(NAME);
    let table: [(&[&str], &str); 4] =
        [(&[], "-"), (&[TEXT], TEXT), (&["nonsense"], "?"), (&[TEXT, TEXT], "?")];
    for (values, token) in table {
        let mut lines: Vec<_> = values.iter().map(|value| (NAME, *value)).collect();
        lines.push((COOKIE, "larder-token=1-1-2-3"));
        let left = vec!["cookie: larder-token=1-1-2-3".to_owned()];
        assert_eq!(taken(&how, &lines), (token.to_owned(), left), "{values:?}");
    }
}

fn given(how: &ReadYourWrites, token: &Token) -> String {
    let mut headers = HeaderMap::new();
    how.set(token, &mut headers, STALENESS);
    let (name, value) = headers.iter().next().unwrap();
    format!("{name}: {}", value.to_str().unwrap())
}

#[test]
fn a_token_is_given_for_as_long_as_it_may_matter() {
    let token = TEXT.parse().unwrap();
    assert_eq!(given(&ReadYourWrites::header(NAME), &token), "larder-token: 1-1-2-3");
    let attributes = "Path=/; Max-Age=4; HttpOnly; SameSite=Lax";
    let table = [
        (ReadYourWrites::cookie("seen"), format!("set-cookie: seen=1-1-2-3; {attributes}")),
        (ReadYourWrites::cookie("seen").secure(), format!("set-cookie: seen=1-1-2-3; {attributes}; Secure")),
        (ReadYourWrites::cookie("__Host-a"), format!("set-cookie: __Host-a=1-1-2-3; {attributes}; Secure")),
        (
            ReadYourWrites::cookie("__Secure-a"),
            format!("set-cookie: __Secure-a=1-1-2-3; {attributes}; Secure"),
        ),
    ];
    for (how, expected) in table {
        assert_eq!(given(&how, &token), expected);
    }
    let mut tail = Tail::following(Incarnation::from_bytes([1; 16]), Limits::default());
    tail.defer(&[Event::EVERYTHING], Boot::ZERO);
    assert!(given(&ReadYourWrites::cookie("seen"), &tail.token()).contains("; Max-Age=61;"));
}

/// The cookies of the response stay, except for a token from a layer further in.
#[test]
fn a_token_is_given_beside_what_the_handler_sets() {
    let mut headers = request(&[(SET_COOKIE, "a=1; Path=/; HttpOnly")]);
    ReadYourWrites::cookie("seen").set(&TEXT.parse().unwrap(), &mut headers, STALENESS);
    ReadYourWrites::cookie("seen").set(&"1-1-2-4".parse().unwrap(), &mut headers, STALENESS);
    let set: Vec<_> = headers.get_all(SET_COOKIE).iter().map(|value| &value.as_bytes()[..12]).collect();
    assert_eq!(set, [b"a=1; Path=/;", b"seen=1-1-2-4"]);
}
