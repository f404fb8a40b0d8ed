//! Parses responses from the bytes of a connection, as strictly as RFC 9112 permits.

use http::Method;

/// One response, or the bytes in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// A complete response.
    Whole(Message),
    /// The connection or the stream ended before the response.
    Broken(Message),
    /// Bytes that belong to no response.
    Surplus(String),
}

/// A response. The status is 0 if not even its head arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Message {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: String,
}

impl Message {
    /// Returns the value of a field. It is empty if the field is missing.
    pub(super) fn field(&self, name: &str) -> String {
        let mut lines = self.fields.iter().filter(|line| line.0 == name);
        let first = lines.next().map(|line| line.1.clone()).unwrap_or_default();
        lines.fold(first, |all, line| all + " AND " + &line.1)
    }
}

impl Seen {
    pub(super) fn message(&self) -> Option<&Message> {
        match self {
            Self::Whole(message) | Self::Broken(message) => Some(message),
            Self::Surplus(_) => None,
        }
    }
}

/// Parses responses to requests with these methods.
pub(super) fn parse(text: &str, methods: &[Method]) -> Vec<Seen> {
    all_of(text, methods).into_iter().map(without_date).collect()
}

fn all_of(mut rest: &str, methods: &[Method]) -> Vec<Seen> {
    let mut all = Vec::new();
    for method in methods {
        let begin = rest.find("HTTP/1.1 ").unwrap_or(rest.len());
        if begin > 0 {
            all.push(Seen::Surplus(rest[..begin].to_owned()));
        }
        let (seen, left) = response(&rest[begin..], method);
        let is_broken = matches!(seen, Seen::Broken(_));
        all.push(seen);
        rest = left;
        if is_broken {
            return all;
        }
    }
    if !rest.is_empty() {
        all.push(Seen::Surplus(rest.to_owned()));
    }
    all
}

/// Parses one response. Returns the bytes after it as well.
fn response<'a>(text: &'a str, method: &Method) -> (Seen, &'a str) {
    let mut message = Message::default();
    let Some((head, rest)) = text.split_once("\r\n\r\n") else {
        text.clone_into(&mut message.body);
        return (Seen::Broken(message), "");
    };
    let mut lines = head.split("\r\n");
    message.status = lines.next().unwrap()[9..12].parse().unwrap();
    let line = |line: &str| {
        line.split_once(':').map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    message.fields = lines.map(|text| line(text).unwrap()).collect();
    let length = message.field("content-length");
    let left = if *method == Method::HEAD || matches!(message.status, 204 | 304) {
        Some(rest)
    } else if !message.field("transfer-encoding").is_empty() {
        chunked(rest, &mut message.body)
    } else if let Ok(length) = length.parse::<usize>() {
        message.body = rest[..length.min(rest.len())].to_owned();
        rest.get(length..)
    } else {
        // The body ends with the connection.
        rest.clone_into(&mut message.body);
        Some("")
    };
    left.map_or((Seen::Broken(message.clone()), ""), |left| (Seen::Whole(message), left))
}

/// Parses a chunked body into `body`. Returns the bytes after it, unless it breaks off.
fn chunked<'a>(mut rest: &'a str, body: &mut String) -> Option<&'a str> {
    loop {
        let (size, after) = rest.split_once("\r\n")?;
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            // Trailers are not compared.
            return after.strip_prefix("\r\n").or_else(|| after.split_once("\r\n\r\n").map(|(_, left)| left));
        }
        body.push_str(after.get(..size).unwrap_or(after));
        rest = after.get(size..)?.strip_prefix("\r\n")?;
    }
}

/// Removes the date, which differs between responses. A body may contain it if another response was
/// mistaken for the body.
fn without_date(seen: Seen) -> Seen {
    let cut = |text: String| match text.split_once("\r\ndate: ") {
        Some((before, date)) => before.to_owned() + date.split_once("\r\n").map_or("", |(_, after)| after),
        None => text,
    };
    match seen {
        Seen::Whole(message) => Seen::Whole(Message { body: cut(message.body), ..message }),
        Seen::Broken(message) => Seen::Broken(Message { body: cut(message.body), ..message }),
        Seen::Surplus(text) => Seen::Surplus(cut(text)),
    }
}

#[test]
fn a_client_sees_what_is_too_much_and_what_is_missing() {
    let get = [Method::GET, Method::GET];
    let next = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nlast";
    for (first, expected) in [
        ("content-length: 4\r\n\r\nbody", "Whole body, Whole last"),
        ("content-length: 4\r\n\r\nbody and more", "Whole body, Surplus  and more, Whole last"),
        (
            "content-length: 12\r\n\r\nbody",
            "Whole bodyHTTP/1.1, Surplus  200 OK\r\ncontent-length: 4\r\n\r\nlast, Broken ",
        ),
        ("content-length: 99\r\n\r\nbody", &format!("Broken body{next}")),
        ("transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n", "Whole body, Whole last"),
        ("transfer-encoding: chunked\r\n\r\n4\r\nbody\r\n", "Broken body"),
    ] {
        let seen = parse(&format!("HTTP/1.1 200 OK\r\n{first}{next}"), &get);
        let name = |seen: &Seen| match seen {
            Seen::Whole(message) => format!("Whole {}", message.body),
            Seen::Broken(message) => format!("Broken {}", message.body),
            Seen::Surplus(text) => format!("Surplus {text}"),
        };
        let names: Vec<_> = seen.iter().map(name).collect();
        assert_eq!(names.join(", "), expected, "{first}");
    }
}
