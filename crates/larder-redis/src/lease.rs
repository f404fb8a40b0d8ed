//! Leases: keys beside those of the responses, which scripts claim, extend and release.

use std::time::Duration;

use bytes::Bytes;
use fred::types::Value;
use larder_core::lease::{Claim, Claimed, Holder, Leases, Left, Token};
use larder_core::store::StoreError;

use crate::answer::{bytes, number, parts, unreadable};
use crate::script::Script;
use crate::store::RedisStore;
use crate::tier::millis;

impl Leases for RedisStore {
    async fn claim(&self, claim: Claim<'_>) -> Result<Claimed, StoreError> {
        let names = &self.inner.keys;
        let (response, lease) = (names.response(claim.address), names.lease(claim.address));
        let word = claim.awaited.map(|token| names.word(claim.address, token));
        let keys: Vec<&str> = [&*response, &*lease].into_iter().chain(word.as_deref()).collect();
        let overtaken = claim.awaited.filter(|_| claim.overtakes);
        let arguments = [
            owned(&claim.holder.to_bytes()),
            Value::Integer(millis(claim.life)),
            claim.seen.map_or_else(nothing, |seen| owned(&seen)),
            overtaken.map_or_else(nothing, |token| owned(&token.to_bytes())),
        ];
        let answer = self.run(&self.inner.scripts.claim, &keys, &arguments).await?;
        read(&answer).ok_or_else(|| unreadable("the answer to a claim"))
    }

    async fn extend(&self, address: &str, token: Token, life: Duration) -> Result<bool, StoreError> {
        let lease = self.inner.keys.lease(address);
        let arguments = [owned(&token.to_bytes()), Value::Integer(millis(life))];
        let answer = self.run(&self.inner.scripts.extend, &[&lease], &arguments).await?;
        Ok(number(&answer) == Some(1))
    }

    async fn release(&self, address: &str, token: Token, left: Left) -> Result<(), StoreError> {
        let names = &self.inner.keys;
        let lease = names.lease(address);
        let owner = owned(&token.to_bytes());
        let release = &self.inner.scripts.release;
        let released = match left {
            Left::Nothing => self.run(release, &[&lease], &[owner, nothing()]).await,
            Left::Pass(life) => self.run(release, &[&lease], &[owner, Value::Integer(millis(life))]).await,
            Left::Word(word, life) => {
                let arguments = [owner, nothing(), Value::Bytes(word), Value::Integer(millis(life))];
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
        token: Token,
    ) -> Result<(), StoreError> {
        let names = &self.inner.keys;
        let keys = [&*names.response(key), &*names.lease(leased)];
        let arguments = [Value::Bytes(value), Value::Integer(millis(expiry)), owned(&token.to_bytes())];
        self.run(&self.inner.scripts.set, &keys, &arguments).await.map(drop)
    }
}

impl RedisStore {
    /// Runs a script about stored responses, if the circuit admits the call.
    async fn run(&self, script: &Script, keys: &[&str], arguments: &[Value]) -> Result<Value, StoreError> {
        let inner = &*self.inner;
        // All keys share a hash tag, and so a node.
        let key = keys.first().copied().unwrap_or_default();
        let leave = inner.health.admit(key)?;
        let result = script.run(&inner.data, inner.command_timeout, keys, arguments).await;
        inner.settle(key, leave, result)
    }
}

/// Reads the answer of `claim.lua`.
fn read(answer: &Value) -> Option<Claimed> {
    let (what, rest) = parts(answer)?.split_first()?;
    Some(match (&*bytes(what)?, rest) {
        (b"taken", []) => Claimed::Taken,
        (b"pass", []) => Claimed::Pass,
        (b"stored", [value]) => Claimed::Stored(bytes(value)?),
        (b"word", [value]) => Claimed::Word(bytes(value)?),
        (b"held", [holder]) => Claimed::Held(Holder::from_bytes(&bytes(holder)?)?),
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
    use larder_core::log::position::{Incarnation, LogId, Mark, Position};

    use super::*;

    fn array(parts: impl IntoIterator<Item = Value>) -> Value {
        Value::Array(parts.into_iter().collect())
    }

    #[test]
    fn an_answer_is_read_for_what_it_is() {
        let mark = Mark { log: LogId::new(1, 2), local: 0 };
        let position = Position { incarnation: Incarnation::from_bytes([0xff; 16]), mark };
        let holder = Holder { token: Token::from_bytes([1; 16]), position };
        let cases = [
            (array(["taken".into()]), Claimed::Taken),
            (array(["pass".into()]), Claimed::Pass),
            (array(["stored".into(), "LR".into()]), Claimed::Stored(Bytes::from_static(b"LR"))),
            (array(["word".into(), owned(b"\xff")]), Claimed::Word(Bytes::from_static(b"\xff"))),
            (array(["held".into(), owned(&holder.to_bytes())]), Claimed::Held(holder)),
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
