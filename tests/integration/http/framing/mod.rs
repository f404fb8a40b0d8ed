//! Responses on the wire. With the layer they have the same framing as without it, or they break
//! off.
//!
//! hyper compares a known length with `Content-Length` only in builds with debug assertions. In
//! other builds it sends all bytes. So these tests have to run in both:
//!
//! ```text
//! cargo test -p larder-tests --test http framing
//! cargo test --config 'profile.dev.package.hyper.debug-assertions=false' \
//!     -p larder-tests --test http framing
//! ```

mod connection_fields;
mod differential;
mod generator;
mod handler;
mod http2;
mod lengths;
mod pair;
mod seen;
mod verdict;
mod wire;

use self::handler::{BodyKind, Hold, Page};
use self::pair::Pair;

/// Announced lengths, and sent lengths.
const MISFITS: [(usize, usize); 3] = [(5, 12), (11, 4), (11, 0)];

/// Returns pages whose body does not match its `Content-Length`, in every kind of body.
fn misfits() -> impl Iterator<Item = Page> {
    let of_kind = |kind| MISFITS.map(|(said, sent)| Page::saying(said, sent, kind));
    [BodyKind::Full, BodyKind::Ready, BodyKind::Yielding].into_iter().flat_map(of_kind)
}

/// Fails with all findings, so that one run shows every case.
#[track_caller]
fn assert_none(found: &[String]) {
    let (count, all) = (found.len(), found.join("\n"));
    assert!(found.is_empty(), "{count} found:\n{all}");
}
