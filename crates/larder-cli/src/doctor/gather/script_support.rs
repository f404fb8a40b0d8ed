//! The rights of scripts, and whether a write is accepted.

use crate::doctor::facts::ScriptFacts;
use crate::doctor::right::probe_key;
use crate::redis_link::values::{number, text};
use crate::redis_link::{Link, LinkError};

const SCRIPT: &str = "return 1";
/// The SHA-1 of the script.
const SHA: &str = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";
/// Returns 1 if a script may read the run id of the server.
const INFO: &str = "local i = redis.pcall('INFO', 'server') return type(i) == 'string' and 1 or 0";

pub(super) async fn read(link: &Link, namespace: &str) -> ScriptFacts {
    let key = probe_key(namespace);
    let eval = link.send_for(&key, &["EVAL", SCRIPT, "1", &key]).await;
    let evalsha = link.send_for(&key, &["EVALSHA", SHA, "1", &key]).await;
    let info = link.send_for(&key, &["EVAL", INFO, "1", &key]).await;
    ScriptFacts {
        eval_error: error_of(eval.err()),
        evalsha_error: error_of(evalsha.err()),
        reads_info: info.ok().and_then(|answer| number(&answer)).map(|answer| answer == 1),
    }
}

/// Writes the key of the doctor, and returns the error of the server.
pub(super) async fn try_write(link: &Link, namespace: &str) -> Option<String> {
    let key = probe_key(namespace);
    let answer = link.send_for(&key, &["SET", &key, "1", "PX", "5000"]).await;
    error_of(answer.err())
}

/// Removes the key of the doctor. If that fails, it expires within seconds.
pub(super) async fn clean_up(link: &Link, namespace: &str) {
    let key = probe_key(namespace);
    let _ = link.send_for(&key, &["UNLINK", &key]).await.map(|answer| text(&answer));
}

/// A server that does not answer in time refuses nothing.
fn error_of(error: Option<LinkError>) -> Option<String> {
    match error? {
        LinkError::Refused(error) => Some(error),
        LinkError::Silent(_) => None,
    }
}
