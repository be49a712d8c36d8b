//! The bytes of a stored state: variable-length integers and exact numbers, each value in exactly one way.
//!
//! ```text
//! unsigned   seven bits a byte, little end first, the high bit set on all but the last
//! signed     zigzag (0, -1, 1, -2 …), then unsigned
//! exact      signed e, unsigned len, len bytes: the two's complement integer, little end first, times 2^(8e);
//!            neither its first byte is 0 nor its last one superfluous; zero is e = 0, len = 0
//! ```

use crate::{AccumError, wide::Wide};

/// Products of doubles with their weights stay far inside ±2^(8 · 600).
const MAX_BYTES: usize = 1200;

pub(crate) fn put_unsigned(out: &mut Vec<u8>, mut v: u128) {
    while v >= 0x80 {
        out.push(v as u8 | 0x80);
        v >>= 7;
    }
    out.push(v as u8);
}

pub(crate) fn put_signed(out: &mut Vec<u8>, v: i128) {
    put_unsigned(out, ((v << 1) ^ (v >> 127)) as u128);
}

/// Writes the first of ascending keys as it is and the others as steps; `last` is the one before.
pub(crate) fn put_ascending(out: &mut Vec<u8>, last: &mut Option<i128>, key: i128) {
    match *last {
        None => put_signed(out, key),
        Some(last) => put_unsigned(out, key.wrapping_sub(last) as u128),
    }
    *last = Some(key);
}

/// Writes a text: its length and its bytes.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_unsigned(out, text.len() as u128);
    out.extend(text.as_bytes());
}

/// Writes the number with these limbs (two's complement, little end first) times 2^(64 base).
pub(crate) fn put_exact(out: &mut Vec<u8>, base: i32, limbs: &[u64]) {
    let byte = |i: usize| (limbs[i / 8] >> (8 * (i % 8))) as u8;
    let Some(first) = (0..limbs.len() * 8).find(|&i| byte(i) != 0) else {
        put_signed(out, 0);
        put_unsigned(out, 0);
        return;
    };
    let mut end = limbs.len() * 8;
    let sign = if byte(end - 1) >> 7 == 1 { 0xff } else { 0 };
    while end - first > 1 && byte(end - 1) == sign && byte(end - 2) >> 7 == sign >> 7 {
        end -= 1;
    }
    put_signed(out, i128::from(base) * 8 + first as i128);
    put_unsigned(out, (end - first) as u128);
    out.extend((first..end).map(byte));
}

/// Reads what the functions above wrote, and nothing else.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Checks the leading bytes that name the accumulator and its version.
    pub(crate) fn open(bytes: &'a [u8], header: &[u8]) -> Result<Self, AccumError> {
        match bytes.split_at_checked(header.len()) {
            Some((start, rest)) if start == header => Ok(Self { bytes: rest }),
            _ => Err(AccumError::State("another kind, shape or version")),
        }
    }

    pub(crate) fn close(self) -> Result<(), AccumError> {
        if self.bytes.is_empty() { Ok(()) } else { Err(AccumError::State("bytes after the end")) }
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], AccumError> {
        let (head, rest) =
            self.bytes.split_at_checked(len).ok_or(AccumError::State("cut short"))?;
        self.bytes = rest;
        Ok(head)
    }

    /// Eight bytes, little end first.
    pub(crate) fn word(&mut self) -> Result<u64, AccumError> {
        let (bytes, _) = self.take(8)?.as_chunks::<8>();
        bytes.first().map(|&bytes| u64::from_le_bytes(bytes)).ok_or(AccumError::State("cut short"))
    }

    pub(crate) fn unsigned(&mut self) -> Result<u128, AccumError> {
        let mut v = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.take(1)?[0];
            let bits = u128::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                break;
            }
            v |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(AccumError::State("an integer not in its shortest form"));
                }
                return Ok(v);
            }
        }
        Err(AccumError::State("an integer is too long"))
    }

    /// What [`put_ascending`] wrote; each key is greater than the one before.
    pub(crate) fn ascending(&mut self, last: &mut Option<i128>) -> Result<i128, AccumError> {
        let key = match *last {
            None => self.signed()?,
            Some(last) => match self.unsigned()? {
                0 => return Err(AccumError::State("a key twice")),
                step => last.saturating_add_unsigned(step),
            },
        };
        *last = Some(key);
        Ok(key)
    }

    /// What [`put_text`] wrote; each text is greater than the one before.
    pub(crate) fn text(&mut self, last: &mut Option<&'a str>) -> Result<&'a str, AccumError> {
        let length = usize::try_from(self.unsigned()?);
        let bytes = self.take(length.map_err(|_| AccumError::State("cut short"))?)?;
        let text = std::str::from_utf8(bytes).map_err(|_| AccumError::State("no UTF-8"))?;
        if last.is_some_and(|last| last >= text) {
            return Err(AccumError::State("texts that do not ascend"));
        }
        *last = Some(text);
        Ok(text)
    }

    /// All that is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.bytes
    }

    pub(crate) fn signed(&mut self) -> Result<i128, AccumError> {
        let v = self.unsigned()?;
        Ok((v >> 1) as i128 ^ -((v & 1) as i128))
    }

    /// An exact number as base and limbs, on the stack of the caller's choice.
    pub(crate) fn exact(&mut self) -> Result<Wide, AccumError> {
        let exponent = self.signed()?;
        let len = usize::try_from(self.unsigned()?).unwrap_or(usize::MAX);
        if len > MAX_BYTES || exponent.unsigned_abs() > MAX_BYTES as u128 {
            return Err(AccumError::State("a number out of range"));
        }
        let bytes = self.take(len)?;
        let Some((&first, &last)) = bytes.first().zip(bytes.last()) else {
            return if exponent == 0 {
                Ok(Wide::default())
            } else {
                Err(AccumError::State("a zero with an exponent"))
            };
        };
        let redundant = matches!(*bytes, [.., below, last] if (last == 0 && below < 0x80) || (last == 0xff && below >= 0x80));
        if first == 0 || redundant {
            return Err(AccumError::State("a number not in its shortest form"));
        }
        let exponent = exponent as i32;
        let skip = exponent.rem_euclid(8) as usize;
        let sign = if last >= 0x80 { u64::MAX } else { 0 };
        let mut limbs = vec![sign; (skip + len).div_ceil(8)];
        limbs[0] &= u64::MAX.checked_shl(8 * skip as u32).unwrap_or(0);
        for (i, &byte) in bytes.iter().enumerate() {
            let (limb, shift) = ((skip + i) / 8, 8 * ((skip + i) % 8));
            limbs[limb] = limbs[limb] & !(0xff << shift) | u64::from(byte) << shift;
        }
        Ok(Wide::new(exponent.div_euclid(8), limbs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_back() {
        for v in [0, 1, -1, 63, -64, 64, i128::from(i64::MIN), i128::MAX, i128::MIN] {
            let mut out = Vec::new();
            put_signed(&mut out, v);
            let mut reader = Reader { bytes: &out };
            assert_eq!(reader.signed(), Ok(v));
            reader.close().unwrap();
        }
        assert!(Reader { bytes: &[0xff; 30] }.unsigned().is_err());
        assert!(Reader { bytes: &[0x80, 0] }.unsigned().is_err());
        assert!(Reader { bytes: &[0x80] }.unsigned().is_err());
    }

    #[test]
    fn exact_numbers_come_back_in_their_shortest_form() {
        for (base, limbs, len) in [
            (0, vec![], 2),
            (0, vec![1], 3),
            (5, vec![0, 0xff00], 4),
            (-3, vec![u64::MAX], 3),
            (-17, vec![1 << 63, 0], 4 + 6),
            (2, vec![0x80, u64::MAX, 0x7fff_ffff_ffff_ffff], 3 + 24),
        ] {
            let mut out = Vec::new();
            put_exact(&mut out, base, &limbs);
            let _ = len;
            let mut reader = Reader { bytes: &out };
            let back = reader.exact().unwrap();
            assert_eq!(back, Wide::new(base, limbs.clone()), "{base} {limbs:?}");
            reader.close().unwrap();
            let (base, limbs) = back.raw();
            let mut again = Vec::new();
            put_exact(&mut again, base, limbs);
            assert_eq!(again, out);
        }
    }
}
