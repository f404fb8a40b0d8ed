//! Reading many values at once.
//!
//! Outside a cluster, one `MGET` reads many values. In a cluster, each key has a command of its
//! own: the keys are in as many slots, and a node rejects a command with keys of several slots.
//! Commands that are sent at the same moment share a round trip in both cases.
//!
//! The sizes of the values are known only with the reply. So a command is for as many keys as
//! usually fit one reply, and a round of commands is for a few replies. Single lookups share the
//! connection, and wait for one round at most. The values of each round tell how many keys the next
//! one is for. While nothing is known, the first round is for few keys. A script could stop when
//! its reply is large enough, but it takes Redis about 20 times as long.
//!
//! A large value is stored as a reference. It is read by itself, on the connection for large
//! values.

#[cfg(test)]
mod tests;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use fred::error::{Error, ErrorKind};
use fred::interfaces::KeysInterface;
use larder_core::join::{Slot, join, join_all};
use larder_core::store::{MAX_KEYS, StoreError, StoreErrorKind, too_many_keys};
use tokio::time::Instant;

use crate::circuit::Permit;
use crate::compression::is_compressed;
use crate::large_value::{Reference, transfer_time};
use crate::patience::{Wait, Waited, backstop, wait_within};
use crate::reply;
use crate::store::{Inner, RedisStore};
use crate::usual_size::{MAX_REPLY_BYTES, UsualSize, values_per_reply};

/// The maximum number of keys in one command.
///
/// Redis serves no other client while it executes a command.
const KEYS_PER_COMMAND: usize = 512;
/// The maximum number of keys in the first round.
const KEYS_IN_FIRST_ROUND: usize = 128;
/// The maximum number of keys in a later round, for each key that was read before.
///
/// The first values may all be small or missing by chance.
const GROWTH: usize = 8;
/// The maximum number of commands that are sent at the same moment.
const COMMANDS_PER_ROUND: usize = 256;
/// The approximate maximum size of all replies of one round, in bytes.
const ROUND_BYTES: usize = 4 * MAX_REPLY_BYTES;
/// The number of large values that are read at the same moment.
const LARGE_AT_ONCE: usize = 4;

type Values = Vec<Option<Bytes>>;
/// A command that is under way, in a box. The futures of fred take five kilobytes each.
type Command = Pin<Box<dyn Future<Output = Result<Values, Error>> + Send>>;

/// The size of one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Round {
    keys: usize,
    keys_per_command: usize,
    /// The expected size of all replies, in bytes.
    bytes: usize,
}

impl Round {
    /// Plans a round for up to `left` keys, whose values usually have this size.
    fn plan(left: usize, usual: usize, is_clustered: bool) -> Self {
        let keys_per_command = if is_clustered { 1 } else { values_per_reply(usual, KEYS_PER_COMMAND) };
        let fitting = ROUND_BYTES.checked_div(usual).unwrap_or(usize::MAX).max(1);
        let keys = left.min(fitting).min(keys_per_command * COMMANDS_PER_ROUND);
        Self { keys_per_command, keys, bytes: keys.saturating_mul(usual) }
    }
}

/// The values that were read so far.
struct Progress {
    values: Values,
    begun: Instant,
}

impl Progress {
    fn begin() -> Self {
        Self { values: Vec::new(), begun: Instant::now() }
    }

    /// Plans the next round, by the sizes of the values that were read so far.
    fn plan(&self, left: usize, sizes: &UsualSize, is_clustered: bool) -> Round {
        match self.bytes().checked_div(self.values.len()) {
            None => Round::plan(left.min(KEYS_IN_FIRST_ROUND), sizes.get(), is_clustered),
            Some(mean) => Round::plan(left.min(GROWTH * self.values.len()), mean, is_clustered),
        }
    }

    fn bytes(&self) -> usize {
        self.values.iter().flatten().map(Bytes::len).sum()
    }

    /// Reads one round. The time limit of all rounds together grows with their replies.
    async fn read(
        &mut self,
        inner: &Inner,
        keys: &[&str],
        permits: &[Permit],
        round: Round,
    ) -> Result<(), StoreError> {
        let limit = inner.command_timeout + transfer_time(self.bytes().saturating_add(round.bytes));
        let left = limit.saturating_sub(self.begun.elapsed());
        if left.is_zero() {
            return Err(StoreError::new(StoreErrorKind::Timeout, "no time is left for all values"));
        }
        let values = inner.read_round(keys, permits, round, left).await?;
        self.values.extend(values);
        Ok(())
    }
}

impl RedisStore {
    /// Returns the values under these keys, in their order.
    pub(crate) async fn read_many(&self, keys: &[&str]) -> Result<Values, StoreError> {
        if keys.len() > MAX_KEYS {
            return Err(too_many_keys(keys.len()));
        }
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let inner = &*self.inner;
        let permits = inner.health.admit_all(keys)?;
        let mut transfer = None;
        let mut begin_transfer = || {
            transfer.get_or_insert_with(|| inner.large.begin_read(inner.keys.body(first)));
        };
        let sizes = inner.many_sizes.of(first);
        let mut progress = Progress::begin();
        loop {
            let rest = progress.values.len();
            let round = progress.plan(keys.len() - rest, sizes, inner.data.is_clustered());
            progress.read(inner, &keys[rest..], &permits[rest..], round).await?;
            if progress.values.len() == keys.len() {
                break;
            }
            begin_transfer();
        }
        let mut values = progress.values;
        for members in large_members(keys, &values).chunks(LARGE_AT_ONCE) {
            begin_transfer();
            self.follow_references(members, &mut values).await?;
        }
        self.decompress_all(values).await
    }

    /// Returns the values that were stored in these forms.
    async fn decompress_all(&self, stored: Values) -> Result<Values, StoreError> {
        if !stored.iter().flatten().any(|value| is_compressed(value)) {
            return Ok(stored);
        }
        self.inner.compression.decompress_all(self.inner.home.runtime(), stored).await
    }

    /// Replaces references with the values that they lead to.
    async fn follow_references(
        &self,
        members: &[LargeMember<'_>],
        values: &mut [Option<Bytes>],
    ) -> Result<(), StoreError> {
        let follow = members.iter().map(|member| self.follow_reference(member.key, &member.reference));
        let all = join_all(follow).await;
        for (member, found) in members.iter().zip(all) {
            values[member.index] = found?;
        }
        Ok(())
    }
}

/// A large value among the values that are read together.
#[derive(Clone, Copy)]
struct LargeMember<'a> {
    index: usize,
    key: &'a str,
    reference: Reference,
}

fn large_members<'a>(keys: &[&'a str], values: &[Option<Bytes>]) -> Vec<LargeMember<'a>> {
    let member = |(index, (key, value)): (usize, (&&'a str, &Option<Bytes>))| {
        let reference = Reference::decode(value.as_deref()?)?;
        Some(LargeMember { index, key, reference })
    };
    keys.iter().zip(values).enumerate().filter_map(member).collect()
}

impl Inner {
    /// Reads the values of one round of keys, as they are stored.
    async fn read_round(
        &self,
        keys: &[&str],
        permits: &[Permit],
        round: Round,
        limit: Duration,
    ) -> Result<Values, StoreError> {
        let read = |keys: &[&str]| -> Command {
            let names = self.keys.responses(keys);
            let client = self.data.within(backstop(limit));
            // `GET` would refuse a key of another type. `MGET` finds nothing there.
            Box::pin(async move { client.mget(names).await })
        };
        let commands: Vec<_> = keys[..round.keys].chunks(round.keys_per_command).collect();
        let mut slots: Vec<_> = commands.iter().map(|keys| Slot::Pending(read(keys))).collect();
        let all = async {
            join(&mut slots).await;
            Ok(())
        };
        let waited = wait_within(limit, all).await;
        let (mut values, mut failure) = (Values::with_capacity(round.keys), None);
        for ((keys, permit), slot) in
            commands.iter().zip(permits.iter().step_by(round.keys_per_command)).zip(slots)
        {
            match self.settle_command(keys, *permit, slot, waited.wait) {
                Ok(found) => values.extend(found),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        let sizes = self.many_sizes.of(keys[0]);
        sizes.record(values.iter().flatten());
        if failure.as_ref().is_some_and(|error| error.kind() == StoreErrorKind::Timeout) {
            sizes.raise();
        }
        failure.map_or(Ok(values), Err)
    }

    /// Records the result of one command, which is pending if it was not answered in time.
    fn settle_command(
        &self,
        keys: &[&str],
        permit: Permit,
        slot: Slot<Command>,
        wait: Wait,
    ) -> Result<Values, StoreError> {
        let result = match slot {
            Slot::Done(result) => result,
            Slot::Pending(_) => Err(Error::new(ErrorKind::Timeout, "not answered in time")),
        };
        // All keys of one command are of one node.
        let values = self.settle(keys[0], permit, Waited { result, wait })?;
        if values.len() == keys.len() {
            Ok(values)
        } else {
            Err(reply::unreadable("an answer to MGET of another length"))
        }
    }
}
