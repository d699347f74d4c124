//! Promises about whole chunks: written once for several arrays, or taken over as they are stored.

use super::{Backend, COMPRESSIONS, length, read, sample, write};
use crate::{ArrayReader, ArraySpec, ArrayType, ChunkCode, DType, Result};

/// Arrays that are filled together are what each would be if it were filled by itself.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn equal(backend: &Backend<'_>) -> Result<()> {
    let writer = (backend.create)();
    let mut written = vec![];
    for compression in COMPRESSIONS {
        for (dtype, shape, chunk, growable) in [
            (DType::I32, vec![700], vec![64], true),
            (DType::I32, vec![7], vec![64], true),
            (DType::F64, vec![30, 6], vec![8, 4], false),
            (DType::F32, vec![0], vec![10], true),
            (DType::Str, vec![300], vec![64], true),
            (DType::U8, vec![300], vec![300], false),
        ] {
            let mut spec = ArraySpec::new(dtype, shape.clone()).chunk(chunk).compression(compression);
            spec.growable = growable;
            let base = format!("g{}", written.len());
            let paths = ["a", "b/c", "d"].map(|name| format!("{base}/{name}"));
            let mut arrays = writer.equal_arrays(&[&paths[0], &paths[1]], &spec)?;
            let mut alone = writer.array(&paths[2], &spec)?;
            let values = sample(dtype, length(&shape));
            for start in (0..values.len()).step_by(17) {
                let part = values.slice(start..values.len().min(start + 17));
                arrays.append(part.clone())?;
                alone.append(part)?;
            }
            arrays.finish()?;
            alone.finish()?;
            written.push((paths, values));
        }
    }
    writer.commit()?;
    let store = (backend.reopen)();
    for (paths, values) in written {
        let mut alone = read(&*store, &paths[2])?;
        assert_eq!(alone.1, values, "{}", paths[2]);
        for path in &paths[..2] {
            let mut together = read(&*store, path)?;
            if values.dtype() == DType::Str {
                // What a format stores for a text may tell its place, so that chunks differ in length once they are compressed.
                (alone.0.stored_bytes, together.0.stored_bytes) = (0, 0);
            }
            assert_eq!(together, alone, "{path}");
        }
    }
    Ok(())
}

/// Chunks are taken over byte by byte, or nothing is done. Another compression, type, shape or format is never taken over, and
/// neither is what is not compressed.
///
/// # Errors
/// If a call that must succeed does not.
///
/// # Panics
/// If the backend breaks a promise.
pub fn taken_over(backend: &Backend<'_>) -> Result<()> {
    let first = (backend.create)();
    let mut specs = vec![];
    for compression in COMPRESSIONS {
        for (dtype, shape, chunk) in [
            (DType::I32, vec![700], vec![64]),
            (DType::F32, vec![640], vec![64]),
            (DType::F64, vec![30, 6], vec![8, 4]),
            (DType::Bool, vec![90], vec![8]),
            (DType::Str, vec![90], vec![8]),
        ] {
            let spec = ArraySpec::new(dtype, shape.clone()).chunk(chunk).compression(compression);
            write(&*first, &format!("a{}", specs.len()), &spec, sample(dtype, length(&shape)))?;
            specs.push(spec);
        }
    }
    first.commit()?;
    let source = (backend.reopen)();
    let second = (backend.create)();
    let mut copied = vec![];
    for (i, spec) in specs.iter().enumerate() {
        let reader = source.array(&format!("a{i}"))?;
        let path = format!("b/{i}");
        let other = specs.iter().find(|other| other.compression != spec.compression && other.dtype == spec.dtype);
        let longer = ArraySpec { shape: vec![spec.shape[0] + 1], ..spec.clone() };
        let typed = ArraySpec { dtype: ArrayType::Plain(DType::U16), ..spec.clone() };
        for wrong in [other.unwrap_or(spec), &longer, &typed] {
            let done = second.copied_array(&path, wrong, reader.as_ref(), &mut |_| Ok(()))?;
            assert!(!done, "{wrong:?} from {spec:?}");
        }
        let mut values = 0;
        let done = second.copied_array(&path, spec, reader.as_ref(), &mut |count| {
            values += count;
            Ok(())
        })?;
        let expected = reader.stored().is_some_and(|stored| !stored.code().codecs.is_empty());
        assert_eq!(done, expected, "{spec:?}");
        if done {
            assert_eq!(values, reader.info().len());
            copied.push((path, first_chunk(reader.as_ref())?, read(&*source, &format!("a{i}"))?.1));
        } else {
            write(&*second, &path, spec, sample(spec.dtype.plain().unwrap_or(DType::U8), length(&spec.shape)))?;
        }
    }
    // It takes the place of the first, of which nothing is read from here on.
    second.commit()?;
    let target = (backend.reopen)();
    for (path, chunk, values) in copied {
        assert_eq!(read(&*target, &path)?.1, values, "{path}");
        assert_eq!(first_chunk(target.array(&path)?.as_ref())?, chunk, "{path}");
    }
    Ok(())
}

/// The first chunk as it is stored, what its bytes mean, and which codecs were left out.
fn first_chunk(array: &dyn ArrayReader) -> Result<Option<(ChunkCode, u32, Vec<u8>)>> {
    let Some(stored) = array.stored() else { return Ok(None) };
    let mut bytes = vec![];
    let left_out = stored.read(&vec![0; array.shape().len()], &mut bytes)?;
    Ok(Some((stored.code(), left_out, bytes)))
}
