//! gzip and base64, in any order, a few deep, never past the room that is left.

use super::{Body, Problem, transfer};
use crate::{
    diagnostic::Diagnostics,
    node::{build::Broken, text::LIMIT},
};
use flate2::read::MultiGzDecoder;
use std::{
    borrow::Cow,
    io::{self, Read},
};

/// The most layers: base64 of gzip of base64 of gzip.
const LAYERS: usize = 4;

/// RFC 1952 section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A first line of so many base64 digits cannot be the first line of a document, of MIME, or of
/// anything with a cloud-init header.
const BASE64_LINE: usize = 16;

/// Takes gzip and base64 off. Every layer's output is taken from `room`.
pub(super) fn unpack<'a>(
    name: &str,
    bytes: &'a [u8],
    room: &mut usize,
    problems: &mut Diagnostics,
) -> Result<Cow<'a, [u8]>, Broken> {
    if bytes.len() > LIMIT {
        return Err(Body::new(name, b"").stop(0, too_much(), problems));
    }
    let mut bytes = Cow::Borrowed(bytes);
    for _ in 0..LAYERS {
        let unpacked = if bytes.starts_with(&GZIP) {
            gunzip(&bytes, *room)
                .map_err(|problem| Body::new(name, b"").stop(0, problem, problems))?
        } else if is_base64(&bytes) {
            transfer::base64(&bytes)
                .map_err(|(at, problem)| Body::new(name, &bytes).stop(at, problem, problems))?
        } else {
            return Ok(bytes);
        };
        let Some(left) = room.checked_sub(unpacked.len()) else {
            return Err(Body::new(name, b"").stop(0, too_much(), problems));
        };
        *room = left;
        bytes = Cow::Owned(unpacked);
    }
    if bytes.starts_with(&GZIP) || is_base64(&bytes) {
        let problem = Problem::new(format!("gzip and base64 are more than {LAYERS} deep"));
        return Err(Body::new(name, b"").stop(0, problem, problems));
    }
    Ok(bytes)
}

/// Reads one byte more than there is room for, and so sees when it does not fit.
fn gunzip(bytes: &[u8], room: usize) -> Result<Vec<u8>, Problem> {
    let mut unpacked = Vec::new();
    let most = u64::try_from(room).unwrap_or(u64::MAX).saturating_add(1);
    match MultiGzDecoder::new(bytes)
        .take(most)
        .read_to_end(&mut unpacked)
    {
        Ok(length) if length > room => Err(too_much()),
        Ok(_) => Ok(unpacked),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(Problem::new("the gzip data is cut short")
                .hint("EC2 takes 16,384 bytes of user data"))
        }
        Err(error) => Err(Problem::new(format!("the gzip data is damaged: {error}"))),
    }
}

fn is_base64(bytes: &[u8]) -> bool {
    let line = bytes
        .trim_ascii_start()
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default()
        .trim_ascii_end();
    line.len() >= BASE64_LINE
        && line
            .iter()
            .all(|&byte| transfer::is_base64_digit(byte) || byte == b'=')
}

fn too_much() -> Problem {
    Problem::new(format!("unpacked, this is more than {LIMIT} bytes"))
}
