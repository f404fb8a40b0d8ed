//! The encoding of a stored response, after its key.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::field_name;
use crate::http::freshness::Lifetime;
use crate::http::range::ContentRange;
use crate::http::response_flags::{ResponseFlags, SetByHandler};
use crate::http::vary::SelectingFields;
use crate::invalidation::position::Position;
use crate::stored::{Meta, StoredResponse};
use crate::time::WallTime;
use crate::wire::elements::{read_duration, read_names, read_u64, write_duration, write_names};
use crate::wire::error::WireErrorKind;
use crate::wire::reader::{MAX_RESERVED, Reader};
use crate::wire::writer::{self, Sink};

/// A response without its body.
pub(super) struct Head {
    status: StatusCode,
    headers: HeaderMap,
    meta: Meta,
}

impl Head {
    /// Returns whether the body may have this length.
    pub(super) fn is_as_long(&self, body: usize) -> bool {
        self.meta.part.as_ref().is_none_or(|part| part.has_length(body))
    }

    /// Returns whether the handler set a part of the lifetime.
    pub(super) fn is_set_by_handler(&self) -> bool {
        self.meta.flags.by_handler != SetByHandler::default()
    }

    #[inline]
    pub(super) fn with_body(self, body: Bytes) -> StoredResponse {
        StoredResponse { status: self.status, headers: self.headers, body, meta: self.meta }
    }
}

pub(super) fn write(sink: &mut dyn Sink, response: &StoredResponse) {
    let meta = &response.meta;
    sink.put(&response.status.as_u16().to_le_bytes());
    sink.put(&[flag_bits(meta.flags)]);
    sink.put(&meta.response_time.unix_millis().to_le_bytes());
    for duration in [
        meta.initial_age,
        meta.lifetime.fresh,
        meta.lifetime.while_revalidate,
        meta.lifetime.if_error,
        meta.cost,
    ] {
        write_duration(sink, duration);
    }
    write_selecting(sink, &meta.selecting);
    write_names(sink, &meta.names);
    write_headers(sink, &response.headers);
    sink.put(&response.body);
}

/// Reads what [`write`] wrote, up to the body.
#[inline]
pub(super) fn read_head(
    reader: &mut Reader<'_>,
    key: &str,
    position: Position,
    fields: HeaderMap,
    part: Option<ContentRange>,
) -> Result<Head, WireErrorKind> {
    let status = reader.array().map(u16::from_le_bytes)?;
    let status = StatusCode::from_u16(status).map_err(|_| WireErrorKind::Malformed)?;
    let flags = read_flags(reader)?;
    let response_time = WallTime::from_unix_millis(read_u64(reader)?);
    let initial_age = read_duration(reader)?;
    let lifetime = Lifetime {
        fresh: read_duration(reader)?,
        while_revalidate: read_duration(reader)?,
        if_error: read_duration(reader)?,
    };
    let cost = read_duration(reader)?;
    let selecting = read_selecting(reader)?;
    let names = read_names(reader)?;
    let headers = read_headers(reader, fields)?;
    let meta = Meta {
        key: key.into(),
        selecting,
        names,
        position,
        response_time,
        initial_age,
        lifetime,
        cost,
        flags,
        part,
    };
    Ok(Head { status, headers, meta })
}

fn flag_bits(flags: ResponseFlags) -> u8 {
    let ResponseFlags { shareable, must_revalidate, no_cache, own_etag, by_handler } = flags;
    let SetByHandler { fresh, while_revalidate, if_error } = by_handler;
    [shareable, must_revalidate, no_cache, own_etag, fresh, while_revalidate, if_error]
        .into_iter()
        .rev()
        .fold(0, |bits, flag| bits << 1 | u8::from(flag))
}

fn read_flags(reader: &mut Reader<'_>) -> Result<ResponseFlags, WireErrorKind> {
    let [bits] = reader.array()?;
    let flags = ResponseFlags {
        shareable: bits & 1 != 0,
        must_revalidate: bits & 2 != 0,
        no_cache: bits & 4 != 0,
        own_etag: bits & 8 != 0,
        by_handler: SetByHandler {
            fresh: bits & 16 != 0,
            while_revalidate: bits & 32 != 0,
            if_error: bits & 64 != 0,
        },
    };
    // A bit of unknown meaning may be a restriction.
    if flag_bits(flags) == bits { Ok(flags) } else { Err(WireErrorKind::Malformed) }
}

fn write_selecting(sink: &mut dyn Sink, selecting: &SelectingFields) {
    writer::list(sink, selecting, |sink, (name, value)| {
        field_name::write(sink, name);
        sink.put(&[value.is_some().into()]);
        if let Some(value) = value {
            writer::bytes(sink, value.as_bytes());
        }
    });
}

fn read_selecting(reader: &mut Reader<'_>) -> Result<SelectingFields, WireErrorKind> {
    let selecting = reader.list(|reader| {
        let name = field_name::read(reader)?;
        let value = match reader.array()? {
            [0] => None,
            [1] => Some(read_value(reader)?),
            _ => return Err(WireErrorKind::Malformed),
        };
        Ok((name, value))
    });
    selecting.map(Into::into)
}

fn write_headers(sink: &mut dyn Sink, headers: &HeaderMap) {
    writer::length(sink, headers.len());
    for (name, value) in headers {
        field_name::write(sink, name);
        writer::bytes(sink, value.as_bytes());
    }
}

fn read_headers(reader: &mut Reader<'_>, mut headers: HeaderMap) -> Result<HeaderMap, WireErrorKind> {
    let too_many = |_| WireErrorKind::Malformed;
    let length = reader.length()?;
    headers.try_reserve(length.min(MAX_RESERVED)).map_err(too_many)?;
    for _ in 0..length {
        let name = field_name::read(reader)?;
        headers.try_append(name, read_value(reader)?).map_err(too_many)?;
    }
    Ok(headers)
}

fn read_value(reader: &mut Reader<'_>) -> Result<HeaderValue, WireErrorKind> {
    HeaderValue::from_maybe_shared(reader.shared()?).map_err(|_| WireErrorKind::Malformed)
}
