//! Text of any length, as zarr's `vlen-utf8` stores it: a count, then for each text its length and its bytes.

use crate::{Error, Result, Strings};

/// Decodes a chunk of `count` texts.
pub(super) fn decode(bytes: &[u8], count: usize) -> Result<Strings> {
    let short = || Error::invalid("text data is truncated");
    let (found, mut rest) = bytes.split_first_chunk::<4>().ok_or_else(short)?;
    let found = u32::from_le_bytes(*found) as usize;
    if found != count {
        return Err(Error::invalid(format!("{found} texts found, {count} expected")));
    }
    let mut out = Strings::new();
    for i in 0..count {
        let (length, after) = rest.split_first_chunk::<4>().ok_or_else(short)?;
        let (text, after) = after.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(short)?;
        out.push(std::str::from_utf8(text).map_err(|_| Error::invalid(format!("text {i} is not UTF-8")))?);
        rest = after;
    }
    Ok(out)
}

/// Encodes texts.
pub(super) fn encode(texts: &Strings) -> Result<Vec<u8>> {
    let long = || Error::unsupported("texts of 4 GiB cannot be written");
    let word = |length: usize| u32::try_from(length).map(u32::to_le_bytes).map_err(|_| long());
    let mut out = Vec::with_capacity(4 + texts.bytes());
    out.extend(word(texts.len())?);
    for text in texts.iter() {
        out.extend(word(text.len())?);
        out.extend(text.as_bytes());
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_survive_and_damage_is_found() {
        let texts: Strings = ["", "a", "漢字"].into_iter().collect();
        let bytes = encode(&texts).unwrap();
        assert_eq!(decode(&bytes, 3).unwrap(), texts);
        assert!(decode(&bytes, 2).is_err());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end], 3).is_err());
        }
    }
}
