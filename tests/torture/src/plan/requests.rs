//! The requests of a run.

use std::time::Duration;

use super::{Shape, between, pause};
use crate::item::{Item, Way};

/// One request.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::exhaustive_structs)]
pub struct Request {
    /// When it is sent, independent of earlier requests.
    pub due: Duration,
    /// The instance.
    pub instance: usize,
    /// The item.
    pub item: Item,
    /// The action.
    pub action: Action,
}

/// The action of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums)]
pub enum Action {
    /// Read the item.
    Read {
        /// The language of the response.
        language: &'static str,
        /// Whether the request is conditional on the current version of the reference model.
        conditional: bool,
    },
    /// Write the item.
    Write(Way),
}

const LANGUAGES: [&str; 3] = ["de", "en", "fr"];

pub(super) fn draw(shape: &Shape) -> Vec<Request> {
    let mut requests = reads(shape);
    requests.extend(writes(shape));
    requests.sort_by_key(|request| request.due);
    requests
}

fn reads(shape: &Shape) -> Vec<Request> {
    let mut random = fastrand::Rng::with_seed(shape.seed ^ 0x5245_4144);
    let mut requests = Vec::new();
    let mut due = pause(&mut random, shape.reads);
    while due < shape.time {
        let language = LANGUAGES[random.usize(..LANGUAGES.len())];
        let action = Action::Read { language, conditional: random.u8(..4) == 0 };
        requests.push(Request {
            due,
            instance: random.usize(..shape.instances),
            item: item(&mut random, shape),
            action,
        });
        due += pause(&mut random, shape.reads);
    }
    requests
}

/// Draws the writes. After every third write, another one of the same item follows soon on any
/// instance. This gives two versions within a second, and two invalidations during one fill.
///
/// A value that is written through is written again more often, and while the first write is still
/// running.
fn writes(shape: &Shape) -> Vec<Request> {
    let mut random = fastrand::Rng::with_seed(shape.seed ^ 0x5752_4954);
    let mut requests = Vec::new();
    let rate = shape.writes * 0.75;
    let mut due = pause(&mut random, rate);
    while due < shape.time {
        let item = item(&mut random, shape);
        requests.push(write(&mut random, shape, item, due));
        let (thirds, longest) = if item.family.is_written_through() { (2, 60) } else { (1, 300) };
        if random.u8(..3) < thirds {
            let soon = due + between(&mut random, 0, longest);
            requests.push(write(&mut random, shape, item, soon));
        }
        due += pause(&mut random, rate);
    }
    requests
}

fn write(random: &mut fastrand::Rng, shape: &Shape, item: Item, due: Duration) -> Request {
    let ways = item.family.ways();
    let way = ways[random.usize(..ways.len())];
    Request { due, instance: random.usize(..shape.instances), item, action: Action::Write(way) }
}

fn item(random: &mut fastrand::Rng, shape: &Shape) -> Item {
    let family = shape.families[random.usize(..shape.families.len())];
    Item { family, id: random.usize(..family.items()) }
}
