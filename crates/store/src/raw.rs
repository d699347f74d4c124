//! Values as raw bytes.

use crate::{Error, ErrorKind, Result};

/// Asks before a large allocation, so that a file that declares terabytes is an error and not a crash.
pub(crate) fn fits(len: usize, size: usize) -> Result<()> {
    let too_large = || Error::new(ErrorKind::Memory, format!("{len} values do not fit in memory"));
    let bytes = len.checked_mul(size).ok_or_else(too_large)?;
    if bytes > 1 << 28 {
        Vec::<u8>::new().try_reserve_exact(bytes).map_err(|_| too_large())?;
    }
    Ok(())
}

/// Repeats a value.
pub(crate) fn fill(bytes: &mut [u8], value: &[u8]) {
    if value.iter().all(|&byte| byte == 0) {
        bytes.fill(0);
    } else {
        bytes.chunks_exact_mut(value.len()).for_each(|target| target.copy_from_slice(value));
    }
}

/// Reverses the bytes of every number.
pub(crate) fn swap(bytes: &mut [u8], width: usize) {
    match width {
        2 => bytes.as_chunks_mut::<2>().0.iter_mut().for_each(|number| number.reverse()),
        4 => bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|number| number.reverse()),
        8 => bytes.as_chunks_mut::<8>().0.iter_mut().for_each(|number| number.reverse()),
        _ => {}
    }
}

/// Makes every byte that is not 0 a 1.
pub(crate) fn normalise(bytes: &mut [u8]) {
    for byte in bytes {
        *byte = u8::from(*byte != 0);
    }
}
