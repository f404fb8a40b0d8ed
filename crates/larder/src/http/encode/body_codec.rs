//! The codecs, with the feature `encode`.
//!
//! The levels are those between which and the next one the time doubles and a JSON body gets a few
//! percent smaller. A body is coded once and served often, but it is coded again after each change.

use std::io;

use larder_core::http::content_coding::ContentCoding;

/// Codes a body.
#[cfg(feature = "encode")]
pub(super) fn code(coding: ContentCoding, body: &[u8]) -> io::Result<Vec<u8>> {
    use std::io::Write as _;

    let mut coded = Vec::with_capacity(body.len() / 4);
    match coding {
        ContentCoding::Br => {
            let params = brotli::enc::BrotliEncoderParams {
                quality: 5,
                size_hint: body.len(),
                ..brotli::enc::BrotliEncoderParams::default()
            };
            brotli::BrotliCompress(&mut &*body, &mut coded, &params)?;
        }
        ContentCoding::Zstd => coded = zstd::bulk::compress(body, 3)?,
        ContentCoding::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(coded, flate2::Compression::new(6));
            encoder.write_all(body)?;
            coded = encoder.finish()?;
        }
        other => return Err(io::Error::new(io::ErrorKind::Unsupported, other.as_str())),
    }
    Ok(coded)
}

/// Without the feature, no policy has a coding, and there are no codecs.
#[cfg(not(feature = "encode"))]
pub(super) fn code(coding: ContentCoding, _: &[u8]) -> io::Result<Vec<u8>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, coding.as_str()))
}

#[cfg(all(test, feature = "encode"))]
mod tests {
    use std::io::Read as _;

    use super::*;

    fn decode(coding: ContentCoding, coded: &[u8]) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        match coding {
            ContentCoding::Br => brotli::Decompressor::new(coded, 4096).read_to_end(&mut body)?,
            ContentCoding::Zstd => return zstd::decode_all(coded),
            _ => flate2::read::GzDecoder::new(coded).read_to_end(&mut body)?,
        };
        Ok(body)
    }

    #[test]
    fn each_codec_returns_what_its_decoder_reads() {
        let text = "0123456789 abcdef ".repeat(1000).into_bytes();
        let noise: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(100_000).collect();
        for coding in ContentCoding::ALL {
            for body in [&text[..], &noise, b""] {
                assert_eq!(decode(coding, &code(coding, body).unwrap()).unwrap(), body, "{coding}");
            }
            assert!(code(coding, &text).unwrap().len() < 1000, "{coding}");
            assert!(code(coding, &noise).unwrap().len() > 90_000, "{coding}");
        }
    }
}
