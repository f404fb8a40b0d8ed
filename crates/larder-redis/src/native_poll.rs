//! Polls that read the entries of the log with `XRANGE` instead of in a script.
//!
//! A script returns its entries as Lua values, and these take most of Redis's time for a large
//! page. So a large page is read by four commands: `MULTI`, `XRANGE`, the script of ordinary polls
//! without entries, and `EXEC`. The server executes them in one step, so the answer is as of one
//! moment (rule 4). The script writes the heartbeat (rule 5).
//!
//! Only the answer to `EXEC` is believed, and only if it has exactly these two replies and the
//! commands were queued. `OK` for `MULTI` shows that no earlier transaction was open. `QUEUED`
//! shows that the commands reached the same connection. An error of any command is an error of the
//! poll.
//!
//! fred 10.1.0 has transactions of its own, which do not fit. The task that serves all commands of
//! the client waits for the replies without a time limit: behind a stopped server, every other
//! command timed out as well, and so did a reconnection. If the connection is lost in a
//! transaction, fred sends it once more, though `max_attempts` is 1: it was executed twice.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use fred::error::{Error, ErrorKind};
use fred::interfaces::ClientLike;
use fred::types::{CustomCommand, Value};
use larder_core::invalidation::log_page::{Cursor, LogPage};
use larder_core::store::{StoreError, StoreErrorKind};

use crate::connection::Connection;
use crate::log_call::run_on_log;
use crate::log_page::{self, Answer, PageSize};
use crate::patience::{Waited, backstop, wait_within};
use crate::poll_arguments::{end_of_start, poll_arguments};
use crate::poll_budget::NO_ENTRIES;
use crate::poll_link::LinkInUse;
use crate::reply::{self, unreadable};
use crate::store::{Inner, RedisStore};
use crate::timeouts::LOG_TIMEOUT;

/// Reads up to `count` entries after the cursor.
///
/// Returns `None` if an ordinary poll has to follow at once: the log is of another incarnation, or
/// the server does not let this user use transactions.
pub(crate) async fn poll(
    store: &RedisStore,
    link: LinkInUse<'_>,
    cursor: &Cursor,
    count: i64,
) -> Result<Option<LogPage>, StoreError> {
    let inner = &*store.inner;
    let connection = Arc::clone(link.connection());
    let waited = wait_within(LOG_TIMEOUT, exchange(inner, &connection, cursor, count)).await;
    let sent = waited.wait.sent;
    let (page, answer) = match waited.result {
        Ok(Ok(replies)) => replies,
        Ok(Err(Forbidden)) => {
            link.forbid();
            return Ok(None);
        }
        Err(error) => {
            if reply::kind(&error) == StoreErrorKind::Timeout {
                inner.poll_budget.timed_out();
            }
            let waited = Waited::<Value> { result: Err(error), wait: waited.wait };
            return inner.settle_on(&connection, inner.keys.events(), None, waited).map(|_| None);
        }
    };
    let Some((look, size)) = read(&page, &answer, cursor, count)? else {
        link.release();
        return Ok(None);
    };
    if cursor.replaying && !look.more {
        // Most instances read no large page after their start.
        link.end();
        give_up_place(store, *cursor);
    } else {
        link.release();
    }
    inner.note_page(cursor, &look, size);
    if look.more {
        inner.poll_budget.answered_in_full(sent.elapsed());
    }
    Ok(Some(look))
}

/// Lets another instance start. The script cannot see that this one has read the last page.
///
/// If this fails, the server forgets the start after a few seconds.
fn give_up_place(store: &RedisStore, cursor: Cursor) {
    let store = store.clone();
    let runtime = store.inner.home.runtime();
    runtime.spawn(async move {
        let inner = &*store.inner;
        let arguments = end_of_start(&cursor, inner.token);
        run_on_log(&inner.log, &inner.scripts.look, &inner.log_keys(), &arguments).await;
    });
}

/// Reads the replies of `XRANGE` and of the script.
///
/// Returns `None` if the log is of another incarnation. Its entries may be of the one before.
fn read(
    page: &Value,
    answer: &Value,
    cursor: &Cursor,
    count: i64,
) -> Result<Option<(LogPage, PageSize)>, StoreError> {
    let Answer { mut look, .. } = log_page::read(answer)?;
    if look.incarnation != cursor.incarnation {
        return Ok(None);
    }
    if !look.entries.is_empty() {
        return Err(unreadable("the answer of a script that was asked for no entries"));
    }
    let size = PageSize::of(page).ok_or_else(|| unreadable("a page of the log"))?;
    look.entries = log_page::read_entries(page)?;
    let is_full = size.entries >= count;
    look.more = is_full && look.entries.last().is_some_and(|(read, _)| *read < look.last);
    look.is_busy &= look.more;
    Ok(Some((look, size)))
}

/// The server refused `MULTI` or `EXEC` to this user, or does not know it.
#[derive(Debug)]
struct Forbidden;

/// Sends the four commands at once, and returns the two replies of `EXEC`.
async fn exchange(
    inner: &Inner,
    link: &Connection,
    cursor: &Cursor,
    count: i64,
) -> Result<Result<(Value, Value), Forbidden>, Error> {
    let limit = backstop(LOG_TIMEOUT);
    let script =
        inner.scripts.look.digest_call(&inner.log_keys(), &poll_arguments(cursor, NO_ENTRIES, inner.token));
    let calls = [
        send(link, limit, "MULTI", vec![]),
        send(link, limit, "XRANGE", range_arguments(inner.keys.events(), cursor, count)),
        send(link, limit, "EVALSHA", script),
        send(link, limit, "EXEC", vec![]),
    ];
    let replies = all(calls).await;
    if replies.iter().any(|reply| reply.as_ref().is_err_and(is_forbidden)) {
        return Ok(Err(Forbidden));
    }
    let [multi, range, script, exec] = replies;
    transaction_replies(&multi?, [&range?, &script?], exec?).map(Ok)
}

fn range_arguments(events: &str, cursor: &Cursor, count: i64) -> Vec<Value> {
    vec![
        events.into(),
        format!("({}", cursor.after).into(),
        Value::from_static_str("+"),
        Value::from_static_str("COUNT"),
        Value::Integer(count),
    ]
}

/// Returns the replies in the answer to `EXEC`, if all four commands were one transaction.
fn transaction_replies(multi: &Value, queued: [&Value; 2], exec: Value) -> Result<(Value, Value), Error> {
    let began = reply::text(multi) == Some("OK");
    let were_queued = queued.into_iter().all(Value::is_queued);
    match exec {
        // If a command inside failed, fred returns its error instead of this array.
        Value::Array(replies) if began && were_queued => match <[Value; 2]>::try_from(replies) {
            Ok([page, answer]) => Ok((page, answer)),
            Err(_) => Err(broken()),
        },
        _ => Err(broken()),
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Protocol, "a poll of the log was not one transaction")
}

fn is_forbidden(error: &Error) -> bool {
    let details = error.details();
    let about_these =
        ["multi", "exec"].iter().any(|name| details.to_lowercase().contains(&format!("'{name}'")));
    about_these && (details.contains("NOPERM ") || details.starts_with("ERR unknown command"))
}

type Call<'a> = Pin<Box<dyn Future<Output = Result<Value, Error>> + Send + 'a>>;

fn send(link: &Connection, limit: Duration, name: &'static str, arguments: Vec<Value>) -> Call<'static> {
    let client = link.within(limit);
    Box::pin(
        async move { client.custom(CustomCommand::new_static(name, None::<u16>, false), arguments).await },
    )
}

/// Waits for all calls. Each one is sent before the next one.
async fn all<const N: usize>(mut calls: [Call<'_>; N]) -> [Result<Value, Error>; N] {
    let mut replies = [const { None }; N];
    poll_fn(|context| {
        for (call, reply) in calls.iter_mut().zip(&mut replies) {
            if reply.is_none() {
                if let Poll::Ready(result) = call.as_mut().poll(context) {
                    *reply = Some(result);
                }
            }
        }
        if replies.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    replies.map(|reply| reply.unwrap_or_else(|| Err(broken())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replies(multi: &str, queued: &[Value; 2], exec: Value) -> Option<(Value, Value)> {
        transaction_replies(&multi.into(), queued.each_ref(), exec).ok()
    }

    #[test]
    fn only_the_two_replies_of_one_transaction_are_believed() {
        let both = || Value::Array(vec![1.into(), 2.into()]);
        let queued = || [Value::Queued, Value::Queued];
        assert_eq!(replies("OK", &queued(), both()), Some((1.into(), 2.into())));
        let entries = Value::Array(vec![]);
        let cases = [
            ("QUEUED", queued(), both()),
            ("OK", [entries.clone(), Value::Queued], both()),
            ("OK", [Value::Queued, entries.clone()], both()),
            ("OK", ["QUEUED".into(), entries], both()),
            ("OK", queued(), Value::Null),
            ("OK", queued(), Value::Array(vec![])),
            ("OK", queued(), Value::Array(vec![1.into()])),
            ("OK", queued(), Value::Array(vec![1.into(), 2.into(), 3.into()])),
        ];
        for (multi, queued, exec) in cases {
            let what = format!("{multi} {queued:?} {exec:?}");
            assert_eq!(replies(multi, &queued, exec), None, "{what}");
        }
    }

    #[test]
    fn only_a_server_that_refuses_transactions_is_asked_no_more() {
        let cases = [
            ("NOPERM User app has no permissions to run the 'multi' command", true),
            ("NOPERM this user has no permissions to run the 'exec' command or its subcommand", true),
            (
                "EXECABORT Transaction discarded because of: NOPERM this user has no permissions to \
                 run the 'exec' command",
                true,
            ),
            ("ERR unknown command 'MULTI', with args beginning with: ", true),
            ("NOPERM User app has no permissions to run the 'xrange' command", false),
            ("EXECABORT Transaction discarded because of previous errors.", false),
            ("READONLY You can't write against a read only replica.", false),
        ];
        for (details, expected) in cases {
            assert_eq!(is_forbidden(&Error::new(ErrorKind::Unknown, details)), expected, "{details}");
        }
    }
}
