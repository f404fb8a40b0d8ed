//! Leases: keys beside those of the responses, which scripts claim, extend and release.

use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;
use larder_core::lease::{Claim, ClaimReply, Holder, LeaseId, Leases, Release};
use larder_core::store::StoreError;

use crate::expiry::millis;
use crate::large_value::Reference;
use crate::patience::{backstop, wait_within};
use crate::reply::{bytes, number, parts, unreadable};
use crate::script::Script;
use crate::store::RedisStore;

impl Leases for RedisStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<ClaimReply, StoreError> {
        let names = &self.inner.keys;
        let (response, lease) = (names.response(claim.address), names.lease(claim.address));
        let word = claim.awaiting.map(|token| names.word(claim.address, token));
        let keys: Vec<&str> = [&*response, &*lease].into_iter().chain(word.as_deref()).collect();
        let overtaken = claim.awaiting.filter(|_| claim.take_over);
        let arguments = [
            owned(&claim.holder.to_bytes()),
            Value::Integer(millis(claim.ttl)),
            claim.known_fingerprint.map_or_else(nothing, |seen| owned(&seen)),
            overtaken.map_or_else(nothing, |token| owned(&token.to_bytes())),
            if claim.may_retry_later { Value::from_static_str("1") } else { nothing() },
        ];
        for _ in 0..2 {
            let answer = self.run(&self.inner.scripts.claim, &keys, &arguments).await?;
            let reply = read(&answer).ok_or_else(|| unreadable("the answer to a claim"))?;
            let ClaimReply::Stored(value) = reply else { return Ok(reply) };
            let value = match Reference::decode(&value) {
                Some(reference) => self.follow_reference(claim.address, &reference).await?,
                None => Some(value),
            };
            if let Some(value) = value {
                return self.decompress(value).await.map(ClaimReply::Stored);
            }
        }
        Err(unreadable("a reference that leads nowhere"))
    }

    fn may_claim_first(&self) -> bool {
        true
    }

    async fn extend(&self, address: &str, token: LeaseId, life: Duration) -> Result<bool, StoreError> {
        let lease = self.inner.keys.lease(address);
        let arguments = [owned(&token.to_bytes()), Value::Integer(millis(life))];
        let answer = self.run(&self.inner.scripts.extend, &[&lease], &arguments).await?;
        Ok(number(&answer) == Some(1))
    }

    async fn release(&self, address: &str, token: LeaseId, left: Release) -> Result<(), StoreError> {
        let names = &self.inner.keys;
        let lease = names.lease(address);
        let owner = owned(&token.to_bytes());
        let release = &self.inner.scripts.release;
        let released = match left {
            Release::Free => self.run(release, &[&lease], &[owner, nothing()]).await,
            Release::Uncacheable(life) => {
                self.run(release, &[&lease], &[owner, Value::Integer(millis(life))]).await
            }
            Release::WithResult(word, life) => {
                let arguments = [owner, nothing(), Value::Bytes(word), Value::Integer(millis(life))];
                self.run(release, &[&lease, &names.word(address, token)], &arguments).await
            }
            Release::RetryLater { result, result_ttl, retry_after } => {
                let times = [result_ttl, retry_after].map(|time| Value::Integer(millis(time)));
                let [result_ttl, retry_after] = times;
                let arguments = [owner, nothing(), Value::Bytes(result), result_ttl, retry_after];
                self.run(release, &[&lease, &names.word(address, token)], &arguments).await
            }
        };
        released.map(drop)
    }

    async fn set_and_release(
        &self,
        key: &str,
        value: Bytes,
        expiry: Duration,
        leased: &str,
        token: LeaseId,
    ) -> Result<(), StoreError> {
        let names = &self.inner.keys;
        let value = self.set_aside(key, value, expiry).await?;
        let keys = [&*names.response(key), &*names.lease(leased)];
        let arguments = [Value::Bytes(value), Value::Integer(millis(expiry)), owned(&token.to_bytes())];
        self.run(&self.inner.scripts.set, &keys, &arguments).await.map(drop)
    }
}

impl RedisStore {
    /// Runs a script about stored responses, if the circuit admits the call.
    pub(crate) async fn run(
        &self,
        script: &Script,
        keys: &[&str],
        arguments: &[Value],
    ) -> Result<Value, StoreError> {
        let inner = &*self.inner;
        // All keys share a hash tag, and so a node.
        let key = keys.first().copied().unwrap_or_default();
        let permit = inner.health.admit(key)?;
        let limit = inner.command_timeout;
        let waited = wait_within(limit, script.run(&inner.data, backstop(limit), keys, arguments)).await;
        inner.settle(key, permit, waited)
    }
}

/// Reads the answer of `claim.lua`.
fn read(answer: &Value) -> Option<ClaimReply> {
    let (what, rest) = parts(answer)?.split_first()?;
    Some(match (&*bytes(what)?, rest) {
        (b"taken", []) => ClaimReply::Acquired,
        (b"pass", []) => ClaimReply::Uncacheable,
        (b"later", [left]) => {
            // The time is negative if the note is about to expire.
            let millis = u64::try_from(number(left)?).unwrap_or_default();
            ClaimReply::RetryLater(Duration::from_millis(millis))
        }
        (b"stored", [value]) => ClaimReply::Stored(bytes(value)?),
        (b"word", [value]) => ClaimReply::Finished(bytes(value)?),
        (b"held", [holder]) => ClaimReply::HeldBy(Holder::from_bytes(&bytes(holder)?)?),
        _ => return None,
    })
}

fn owned(bytes: &[u8]) -> Value {
    Value::Bytes(Bytes::copy_from_slice(bytes))
}

fn nothing() -> Value {
    Value::from_static_str("")
}

#[cfg(test)]
mod tests {
    use larder_core::invalidation::position::{Incarnation, LogId, Position, Watermark};

    use super::*;

    fn array(parts: impl IntoIterator<Item = Value>) -> Value {
        Value::Array(parts.into_iter().collect())
    }

    #[test]
    fn an_answer_is_read_for_what_it_is() {
        let mark = Watermark { log: LogId::new(1, 2), local: 0 };
        let position = Position { incarnation: Incarnation::from_bytes([0xff; 16]), watermark: mark };
        let holder = Holder { id: LeaseId::from_bytes([1; 16]), position };
        let cases = [
            (array(["taken".into()]), ClaimReply::Acquired),
            (array(["pass".into()]), ClaimReply::Uncacheable),
            (array(["later".into(), 1500.into()]), ClaimReply::RetryLater(Duration::from_millis(1500))),
            (array(["later".into(), (-2).into()]), ClaimReply::RetryLater(Duration::ZERO)),
            (array(["stored".into(), "LR".into()]), ClaimReply::Stored(Bytes::from_static(b"LR"))),
            (array(["word".into(), owned(b"\xff")]), ClaimReply::Finished(Bytes::from_static(b"\xff"))),
            (array(["held".into(), owned(&holder.to_bytes())]), ClaimReply::HeldBy(holder)),
        ];
        for (answer, claimed) in cases {
            assert_eq!(read(&answer), Some(claimed), "{answer:?}");
        }
    }

    #[test]
    fn an_answer_that_makes_no_sense_is_none() {
        let cases = [
            Value::Null,
            array([]),
            array(["taken".into(), "?".into()]),
            array(["held".into(), "short".into()]),
            array(["stored".into()]),
            array(["else".into()]),
            array([Value::Null]),
        ];
        for answer in cases {
            assert_eq!(read(&answer), None, "{answer:?}");
        }
    }
}
