use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use super::*;
use crate::testing::cached;

/// Counts how often it is woken.
#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Listener {
    reader: SharedBodyReader,
    bell: Arc<Bell>,
}

impl Listener {
    fn of(writer: &SharedBodyWriter) -> Self {
        Self { reader: SharedBodyReader::new(Arc::clone(writer.body())), bell: Arc::default() }
    }

    fn poll(&mut self) -> Poll<ReadEvent> {
        self.reader.poll(&mut Context::from_waker(&Waker::from(Arc::clone(&self.bell))))
    }

    /// Returns the parts that are available, and what follows them.
    fn all(&mut self) -> (Vec<Bytes>, &'static str) {
        let mut parts = Vec::new();
        loop {
            match self.poll() {
                Poll::Ready(ReadEvent::Data(part)) => parts.push(part),
                Poll::Ready(ReadEvent::End) => return (parts, "end"),
                Poll::Ready(ReadEvent::Aborted) => return (parts, "broken"),
                Poll::Pending => return (parts, "more"),
            }
        }
    }

    fn woken(&self) -> usize {
        self.bell.0.swap(0, Ordering::Relaxed)
    }
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn writer(so_far: &[Bytes]) -> SharedBodyWriter {
    SharedBodyWriter::new(cached("k", ""), SizeHint::new(), so_far)
}

#[test]
fn all_read_the_same_bytes_each_at_its_own_pace() {
    let parts = [bytes("a"), bytes(""), bytes("b")];
    let writer = writer(&parts);
    let (mut quick, mut slow) = (Listener::of(&writer), Listener::of(&writer));
    let (read, then) = quick.all();
    assert_eq!((read.concat().as_slice(), then), (b"ab".as_slice(), "more"));
    // The bytes are not copied.
    assert!(read.iter().map(|part| part.as_ptr()).eq([parts[0].as_ptr(), parts[2].as_ptr()]));
    writer.push(bytes(""));
    writer.push(bytes("c"));
    assert_eq!(quick.woken(), 1, "empty data wakes no reader");
    assert_eq!(quick.all(), (vec![bytes("c")], "more"));
    assert!(matches!(slow.poll(), Poll::Ready(ReadEvent::Data(part)) if part == "a"));
    assert_eq!(slow.woken(), 0, "it did not wait");

    let whole = bytes("abc");
    assert!(!quick.reader.is_at_end() && !slow.reader.is_at_end());
    writer.finish(whole.clone());
    assert_eq!(quick.woken(), 1);
    assert!(quick.reader.is_at_end() && !slow.reader.is_at_end());
    assert_eq!(quick.all(), (vec![], "end"));
    // The rest is read from the stored body, so the parts are dropped.
    let (rest, then) = slow.all();
    assert_eq!((rest.as_slice(), then), ([bytes("bc")].as_slice(), "end"));
    assert_eq!(rest[0].as_ptr(), whole[1..].as_ptr());
    assert!(lock(&slow.reader.body.state).parts.is_empty());
    assert_eq!(Listener { bell: Arc::default(), reader: slow.reader }.all(), (vec![], "end"));
}

#[test]
fn a_waiting_reader_is_registered_once() {
    let writer = writer(&[]);
    let mut listeners: Vec<_> = (0..3).map(|_| Listener::of(&writer)).collect();
    let waiting = |writer: &SharedBodyWriter| lock(&writer.body().state).waiting.len();
    for round in 1..=3 {
        for _ in 0..5 {
            assert!(listeners.iter_mut().all(|listener| listener.poll().is_pending()));
        }
        assert_eq!(waiting(&writer), 3);
        // If another task polls the reader, that task is woken.
        let moved = Listener { bell: Arc::default(), reader: listeners.remove(0).reader };
        let before = std::mem::take(&mut listeners);
        listeners = std::iter::once(moved).chain(before).collect();
        assert!(listeners[0].poll().is_pending());
        writer.push(bytes("x"));
        assert_eq!(waiting(&writer), 0);
        for listener in &mut listeners {
            assert_eq!(listener.woken(), 1, "in round {round}");
            assert_eq!(listener.all(), (vec![bytes("x")], "more"));
        }
    }
    // A reader that left does not matter.
    drop(listeners.pop());
    writer.push(bytes("y"));
    assert!(listeners.iter().all(|listener| listener.woken() == 1));
}

#[test]
fn an_abort_is_reported_at_once() {
    let writer = writer(&[bytes("a")]);
    let arriving = Arc::clone(writer.body());
    let (mut reads, mut waits) = (Listener::of(&writer), Listener::of(&writer));
    assert_eq!(waits.all(), (vec![bytes("a")], "more"));
    assert!(!arriving.is_aborted());
    drop(writer);
    assert!(arriving.is_aborted());
    assert_eq!(waits.woken(), 1);
    assert_eq!(waits.all(), (vec![], "broken"));
    assert_eq!(reads.all(), (vec![], "broken"), "another body may supply the data that it did not get");
    assert!(!waits.reader.is_at_end());
}

#[test]
fn the_delivered_prefix_is_matched_in_any_pieces() {
    let known = [bytes("abc"), bytes("de"), bytes("fgh")];
    let cases: &[(usize, &[&'static str], Option<&str>)] = &[
        (0, &["xyz"], Some("xyz")),
        (1, &["abcdefghi"], Some("defghi")),
        (2, &["abc", "def", "ghi"], Some("fghi")),
        (2, &["a", "", "b", "cde", "x"], Some("x")),
        (2, &["abcdexy"], Some("xy")),
        (3, &["abcdefgh", "ij"], Some("ij")),
        (3, &["abcdefghij"], Some("ij")),
        (1, &["abx"], None),
        (2, &["abcd", "x"], None),
        (2, &["Abcde"], None),
        (3, &["abcdefg", "Hij"], None),
    ];
    for (read, other, expected) in cases {
        let writer = writer(&known);
        let mut listener = Listener::of(&writer);
        for _ in 0..*read {
            assert!(matches!(listener.poll(), Poll::Ready(ReadEvent::Data(_))));
        }
        drop(writer);
        let mut delivered = listener.reader.delivered_prefix();
        let mut beyond = Some(Vec::new());
        for part in *other {
            let more = delivered.strip_matching(bytes(part));
            beyond = beyond.zip(more).map(|(all, more)| [all, more.to_vec()].concat());
        }
        match expected {
            Some(expected) => assert_eq!(beyond.unwrap(), expected.as_bytes(), "{read} {other:?}"),
            None => assert!(beyond.is_none(), "{read} {other:?}"),
        }
        assert!(expected.is_none() || delivered.is_matched(), "{read} {other:?}");
    }
    // A body that ends before the delivered data ends is no match.
    let writer = writer(&known);
    let mut listener = Listener::of(&writer);
    let _ = listener.all();
    drop(writer);
    let mut delivered = listener.reader.delivered_prefix();
    assert!(delivered.strip_matching(bytes("abcdefg")).is_some_and(|beyond| beyond.is_empty()));
    assert!(!delivered.is_matched());
}
