#!/usr/bin/env python3
"""Deterministic generator of large, realistic single-cell count data.

Streams one file per batch to disk (h5ad or zarr, as AnnData writes them) in
bounded memory: the full matrix is never held. Needs numpy, scipy, h5py, pandas
and anndata (zarr for --format zarr; hdf5plugin for --compression zstd with h5ad).

Model, per synthetic cell of type t in batch b:
  * draw --mix real cells of that type from the base file (demo/pbmc4k.h5ad unless --base is given);
  * rate = sum of their counts x library size x type programme[t] x batch effect[b];
  * counts ~ Poisson(rate) on the union of the real cells' expressed genes;
  * genes beyond the base file's are synthetic: Zipf-like means, Poisson entries.
--density / --depth are met by bisection on a pilot sample, before batch files are cut.

The counts depend only on the arguments that describe the data (not on --chunk,
--compression, --layout, --format or --jobs); another numpy or CPU may round
an exponential differently and so change a stray count.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
import scipy.sparse as sp

GEN = 2048  # cells generated at a time; part of the data's definition
FMT = 1  # bump when the numbers produced by a given seed change


# ------------------------------------------------------------------ the model
def poisson(rng, lam):
    """Positions and values of the non-zero draws of Poisson(lam), by inversion."""
    e = np.exp(-lam)
    u = rng.random(len(lam), dtype=np.float32)
    nz = np.flatnonzero(u >= e)
    lam, e, u = lam[nz], e[nz], u[nz]
    cnt = np.ones(len(nz), np.float32)
    big = lam > 8.0
    p = e * lam
    c = e + p
    at = np.flatnonzero((u >= c) & ~big)
    lam_, u, p, c = lam[at], u[at], p[at], c[at]
    k = 1
    while len(at) and k < 60:
        k += 1
        cnt[at] = k
        p = p * lam_ / np.float32(k)
        c = c + p
        go = u >= c
        at, lam_, u, p, c = at[go], lam_[go], u[go], p[go], c[go]
    at = np.flatnonzero(big)
    cnt[at] = np.maximum(rng.poisson(lam[at]), 1)
    return nz, cnt


def rng_of(seed, *key):
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence([FMT, seed, *key])))


class Model:
    """All that the batches share: base cells, gene table, programmes."""

    def __init__(self, a):
        import anndata as ad

        self.a = a
        base = ad.read_h5ad(a.base)
        X = sp.csr_matrix(base.X).astype(np.float32)
        names = np.asarray(base.var_names, dtype=object)
        types = base.obs["cell_type"].astype(str).to_numpy()
        rng = rng_of(a.seed, 0)

        # keep the genes with most counts; shuffle so that position says nothing
        tot = np.asarray(X.sum(0)).ravel()
        n_real = int(min(a.genes, (tot > 0).sum()))
        keep = np.argsort(-tot, kind="stable")[:n_real]
        self.n_real = n_real
        self.n_genes = a.genes
        n_syn = a.genes - n_real
        self.base = X[:, keep]
        self.base.sort_indices()
        real_names = names[keep]

        # cell types; more than the base has are made by splitting with programmes
        order = pd.Series(types).value_counts()
        base_types = [t for t in order.index if order[t] >= 15]
        k = a.cell_types or len(base_types)
        self.type_names, self.type_of_base = [], []
        for i in range(k):
            t = base_types[i % len(base_types)]
            r = i // len(base_types)
            self.type_names.append(t if r == 0 else f"{t} {r + 1}")
            self.type_of_base.append(t)
        self.pool = [np.flatnonzero(types == t) for t in self.type_of_base]
        w = np.array([order[t] for t in self.type_of_base], float) ** 0.75
        w *= rng.uniform(0.6, 1.4, k)
        self.type_p = w / w.sum()

        # type programmes: some expressed genes go up or down by a few fold
        expressed = np.flatnonzero(np.asarray((self.base > 0).mean(0)).ravel() > 0.02)
        self.prog = np.ones((k, n_real), np.float32)
        for i in range(k):
            g = rng.choice(expressed, size=min(250, len(expressed) // 4), replace=False)
            self.prog[i, g] = np.exp(rng.normal(0.0, 1.1 * a.separation, len(g)))

        # synthetic genes: Zipf-like means, below the real ones
        self.syn_mean = np.zeros(n_syn)
        if n_syn:
            z = 1.0 / np.arange(1, n_syn + 1) ** 0.7
            level = np.quantile(tot[keep] / X.shape[0], 0.30)
            self.syn_mean = np.minimum(z / z.mean() * level, 0.5)
            rng.shuffle(self.syn_mean)

        # global gene table, shuffled; column j of the atlas is model gene perm[j]
        self.perm = rng.permutation(a.genes)
        sym = np.concatenate([real_names, np.array([f"SYN{i:06d}" for i in range(n_syn)], dtype=object)])
        dup = rng.choice(a.genes, size=max(2, a.genes // 1000), replace=False)
        sym2 = sym.copy()
        sym2[dup[1:]] = sym[dup[:-1]]  # a few duplicated symbols, as in real data
        mito = np.array([str(s).startswith("MT-") for s in sym])
        means = np.concatenate([tot[keep] / X.shape[0], self.syn_mean])
        ft = rng.choice(3, size=a.genes, p=[0.995, 0.003, 0.002])
        self.var = pd.DataFrame(
            {
                "gene_symbol": sym2.astype(object),
                "feature_type": pd.Categorical.from_codes(ft, ["Gene Expression", "Antibody Capture", "Custom"]),
                "base_mean": means.astype(np.float32),
                "is_mito": mito,
                "is_synthetic": np.arange(a.genes) >= n_real,
            },
            index=pd.Index([f"ENSG{10_000_000 + 7 * i:011d}" for i in range(a.genes)], name="gene_id"),
        ).iloc[self.perm]

        self.scale = 1.0
        self.mix = a.mix
        self._calibrate()

    # -- batches -----------------------------------------------------------
    def batch(self, b):
        a = self.a
        rng = rng_of(a.seed, 1, b)
        effect = np.exp(rng.normal(0, 0.35 * a.batch_strength, self.n_real)).astype(np.float32)
        syn = self.syn_mean * np.exp(rng.normal(0, 0.35 * a.batch_strength, len(self.syn_mean)))
        p = self.type_p * rng.dirichlet(np.full(len(self.type_p), 8.0)) * len(self.type_p)
        if a.batches > 1 and len(p) > 3:  # each batch lacks one of the rarer types
            p[np.argsort(p)[b % 2]] = 0.0
        depth = float(np.exp(rng.normal(0, 0.2)))
        if a.same_genes or a.batches == 1:
            cols = np.arange(a.genes)
        else:  # 80-95 % of the genes, in this batch's own order
            f = rng.uniform(a.overlap[0], a.overlap[1])
            cols = rng.permutation(rng.choice(a.genes, size=max(1, round(f * a.genes)), replace=False))
        return Batch(self, b, effect, syn, p / p.sum(), depth, cols)

    def _calibrate(self):
        a = self.a
        if a.depth is None and a.density is None:
            return
        whole = Batch(self, 0, np.ones(self.n_real, np.float32), self.syn_mean, self.type_p, 1.0, np.arange(a.genes))
        n = 2048

        def pilot():
            lam, lib, _ = whole.rates(rng_of(a.seed, 2), n)[:3]
            syn = np.outer(lib, whole.syn_mean[:: max(1, len(whole.syn_mean) // 512)]).ravel()
            return lam.astype(np.float64), syn.astype(np.float64)

        def stat(s):  # expectations, given the pilot's rates
            lam, syn = rates
            up = len(whole.syn_mean) * n / max(1, len(syn))
            if a.density is None:
                return s * (lam.sum() + up * syn.sum()) / n
            return -(np.expm1(-s * lam).sum() + up * np.expm1(-s * syn).sum()) / (n * a.genes)

        want = a.density if a.density is not None else a.depth
        lo, hi = 1e-3, 64.0
        rates = pilot()
        while stat(hi) < want * 1.5 and self.mix < 12 and a.density is not None:
            self.mix += 1
            rates = pilot()
        for _ in range(30):
            mid = np.sqrt(lo * hi)
            lo, hi = (mid, hi) if stat(mid) < want else (lo, mid)
        self.scale = float(np.sqrt(lo * hi))
        got = stat(self.scale)
        if abs(got - want) > 0.1 * want:
            print(f"warning: asked {want:g}, reached {got:g} (raise --mix or lower it)", file=sys.stderr)


class Batch:
    def __init__(self, m, b, effect, syn, p, depth, cols):
        self.m, self.b, self.p, self.depth, self.cols = m, b, p, depth, cols
        model_cols = m.perm[cols]  # this file's columns, as model genes
        where = np.full(m.n_genes, -1, np.int64)
        where[model_cols] = np.arange(len(cols))
        real = where[: m.n_real]
        ok = np.flatnonzero(real >= 0)
        sub = m.base[:, ok].tocoo()
        self.base = sp.csr_matrix(
            (sub.data, (sub.row, real[ok][sub.col])), shape=(m.base.shape[0], len(cols)), dtype=np.float32
        )
        self.base.sort_indices()
        self.factor = np.ones((len(m.type_names), len(cols)), np.float32)
        self.factor[:, real[ok]] = m.prog[:, ok] * effect[ok]
        syn_at = where[m.n_real :]
        s_ok = np.flatnonzero(syn_at >= 0)
        self.syn_cols = syn_at[s_ok]
        self.syn_mean = syn[s_ok]

    def rates(self, rng, n):
        """N cells: Poisson rates on their support, before the atlas-wide scale."""
        m, mix = self.m, self.m.mix
        t = rng.choice(len(self.p), size=n, p=self.p)
        lib = np.exp(rng.normal(-0.06, 0.35, n)).astype(np.float32) * np.float32(self.depth)
        w = rng.dirichlet(np.full(mix, 4.0), size=n).astype(np.float32)
        acc = None
        for j in range(mix):
            pick = rng.random(n)
            rows = np.empty(n, np.int64)
            for k, pool in enumerate(m.pool):
                s = t == k
                rows[s] = pool[(pick[s] * len(pool)).astype(np.int64)]
            part = self.base[rows]
            part.data *= np.repeat(w[:, j], np.diff(part.indptr))
            acc = part if acc is None else acc + part
        row = np.repeat(np.arange(n, dtype=np.int32), np.diff(acc.indptr))
        lam = acc.data * self.factor.take(t[row] * self.factor.shape[1] + acc.indices)
        lam *= lib[row]
        return lam, lib, t, row, acc.indices

    def chunk_counts(self, rng, n):
        """N cells: (csr counts float32 sorted, type codes)."""
        lam, lib, t, row, col = self.rates(rng, n)
        m = self.m
        lam *= np.float32(m.scale)
        lib = lib * np.float32(m.scale)
        nz, cnt = poisson(rng, lam)
        indptr = np.zeros(n + 1, np.int64)
        np.cumsum(np.bincount(row[nz], minlength=n), out=indptr[1:])
        out = sp.csr_matrix((cnt, col[nz], indptr), shape=(n, len(self.cols)))
        if len(self.syn_cols):
            # Poisson thinning: one draw per gene for the chunk, spread over the cells by library size
            per = rng.poisson(self.syn_mean * float(lib.sum()))
            cum = np.cumsum(lib, dtype=np.float64)
            c = np.repeat(self.syn_cols, per)
            r = np.searchsorted(cum, rng.random(len(c)) * cum[-1], side="right").clip(0, n - 1)
            extra = sp.csr_matrix((np.ones(len(c), np.float32), (r, c)), shape=out.shape)
            extra.sum_duplicates()
            out = out + extra
        out.sort_indices()
        return out, t

    def chunks(self, n_cells):
        for i, start in enumerate(range(0, n_cells, GEN)):
            n = min(GEN, n_cells - start)
            rng = rng_of(self.m.a.seed, 3, self.b, i)
            x, t = self.chunk_counts(rng, n)
            yield start, x, t


# ------------------------------------------------------------------ the stores
class Appender:
    """Appends 1-d pieces to a resizable array, writing whole storage chunks."""

    def __init__(self, make, chunk):
        self.ds, self.chunk, self.n, self.buf, self.have = make, chunk, 0, [], 0

    def add(self, x):
        self.buf.append(x)
        self.have += len(x)
        if self.have >= 8 * self.chunk:
            self._flush(self.have // self.chunk * self.chunk)

    def _flush(self, k):
        x = np.concatenate(self.buf) if len(self.buf) != 1 else self.buf[0]
        self.ds.resize((self.n + k,))
        self.ds[self.n : self.n + k] = x[:k]
        self.n += k
        self.buf, self.have = ([x[k:]], len(x) - k)

    def close(self):
        if self.have:
            self._flush(self.have)


class Store:
    def __init__(self, path, a):
        self.path, self.a = Path(path), a
        if self.path.is_dir():
            shutil.rmtree(self.path)
        elif self.path.exists():
            self.path.unlink()
        if a.format == "h5ad":
            import h5py

            self.f = h5py.File(self.path, "w", libver="latest" if a.h5_latest else None)
        else:
            import zarr

            self.f = zarr.open_group(str(self.path), mode="w", zarr_format=a.zarr_format)
        self.f.attrs.update({"encoding-type": "anndata", "encoding-version": "0.1.0"})

    def group(self, name, **attrs):
        g = self.f.create_group(name)
        g.attrs.update(attrs)
        return g

    def array(self, name, shape, chunks, dtype):
        c, fmt = self.a.compression, self.a.format
        if fmt == "h5ad":
            kw = {}
            if c == "zstd":
                import hdf5plugin

                kw = dict(hdf5plugin.Zstd(clevel=3))
            elif c != "none":
                kw = {"compression": c, "shuffle": True}
                if c == "gzip":
                    kw["compression_opts"] = 4
            return self.f.create_dataset(
                name, shape=shape, maxshape=(None,) * len(shape), chunks=chunks, dtype=dtype, **kw
            )
        comp = None
        if c != "none":
            if self.a.zarr_format == 2:
                import numcodecs

                comp = {
                    "gzip": lambda: numcodecs.GZip(4),
                    "zstd": lambda: numcodecs.Zstd(3),
                    "blosc": lambda: numcodecs.Blosc("lz4", 5, 1),
                }[c]()
            else:
                import zarr.codecs as zc

                comp = {
                    "gzip": lambda: zc.GzipCodec(level=4),
                    "zstd": lambda: zc.ZstdCodec(level=3),
                    "blosc": lambda: zc.BloscCodec(
                        cname="lz4", clevel=5, shuffle="shuffle", typesize=np.dtype(dtype).itemsize
                    ),
                }[c]()
        return self.f.create_array(name, shape=shape, chunks=chunks, dtype=dtype, compressors=comp, fill_value=0)

    def elem(self, name, value):
        import anndata as ad

        kw = (
            {"compression": self.a.compression}
            if self.a.format == "h5ad" and self.a.compression in ("gzip", "lzf")
            else {}
        )
        write = getattr(ad, "io", None)
        (write.write_elem if write else ad.experimental.write_elem)(self.f, name, value, dataset_kwargs=kw)

    def close(self):
        if self.a.format == "h5ad":
            self.f.close()


class CsrWriter:
    def __init__(self, st, name, n, g, dtype, kind="csr"):
        self.st, self.name, self.n, self.g, self.kind = st, name, n, g, kind
        st.group(
            name,
            **{
                "encoding-type": f"{kind}_matrix",
                "encoding-version": "0.1.0",
                "shape": np.array([n, g]) if st.a.format == "h5ad" else [n, g],
            },
        )
        c = st.a.chunk or 262_144
        self.data = Appender(st.array(f"{name}/data", (0,), (c,), dtype), c)
        self.idx = Appender(st.array(f"{name}/indices", (0,), (c,), np.int32), c)
        self.indptr = np.zeros((n if kind == "csr" else g) + 1, np.int64)
        self.at, self.dtype = 0, dtype

    def add(self, m):
        """m: csr of the next rows (csr) or csc of the next columns (csc)."""
        self.data.add(m.data.astype(self.dtype, copy=False))
        self.idx.add(m.indices.astype(np.int32, copy=False))
        k = len(m.indptr) - 1
        self.indptr[self.at + 1 : self.at + k + 1] = self.indptr[self.at] + m.indptr[1:]
        self.at += k

    def close(self):
        self.data.close()
        self.idx.close()
        small = self.indptr[-1] < 2**31 and self.st.a.format == "h5ad"
        p = self.indptr.astype(np.int32) if small else self.indptr
        c = min(len(p), 262_144)
        d = self.st.array(f"{self.name}/indptr", p.shape, (c,), p.dtype)
        d[:] = p


class CscWriter:
    """Column-major by a scratch file of column-sorted chunks, merged in column blocks."""

    def __init__(self, st, name, n, g, dtype):
        self.st, self.name, self.n, self.g, self.dtype = st, name, n, g, dtype
        self.tmp = tempfile.TemporaryDirectory(dir=st.path.parent, prefix=".csc-")
        self.fd = open(os.path.join(self.tmp.name, "data"), "w+b")
        self.fi = open(os.path.join(self.tmp.name, "indices"), "w+b")
        self.parts, self.off, self.row = [], 0, 0

    def add(self, m):
        c = m.tocsc()
        c.sort_indices()
        c.data.astype(self.dtype).tofile(self.fd)
        c.indices.astype(np.int32).tofile(self.fi)
        self.parts.append((self.off, self.row, c.shape[0], c.indptr.astype(np.int64)))
        self.off += c.nnz
        self.row += c.shape[0]

    def close(self, budget=24_000_000):
        self.fd.flush()
        self.fi.flush()
        w = CsrWriter(self.st, self.name, self.n, self.g, self.dtype, "csc")
        if self.off:
            D = np.memmap(self.fd.name, dtype=self.dtype, mode="r")
            positions = np.memmap(self.fi.name, dtype=np.int32, mode="r")
            cum = np.zeros(self.g + 1, np.int64)
            for _, _, _, p in self.parts:
                cum += p
        else:
            cum = np.zeros(self.g + 1, np.int64)
        c0 = 0
        while c0 < self.g:
            c1 = int(np.searchsorted(cum, cum[c0] + budget, side="right")) - 1
            c1 = min(self.g, max(c0 + 1, c1))
            blocks = []
            for off, _, n, p in self.parts:
                s, e = off + p[c0], off + p[c1]
                blocks.append(sp.csc_matrix((D[s:e], positions[s:e], p[c0 : c1 + 1] - p[c0]), shape=(n, c1 - c0)))
            m = sp.vstack(blocks, format="csc") if blocks else sp.csc_matrix((self.n, c1 - c0))
            m.sort_indices()
            w.add(m)
            c0 = c1
        w.close()
        self.fd.close()
        self.fi.close()
        self.tmp.cleanup()


class DenseWriter:
    def __init__(self, st, name, n, g, dtype):
        c = min(n, st.a.chunk or max(1, 4_194_304 // (g * np.dtype(dtype).itemsize)))
        self.c = c
        self.d = st.array(name, (n, g), (c, g), dtype)
        self.d.attrs.update({"encoding-type": "array", "encoding-version": "0.2.0"})
        self.at, self.dtype, self.buf = 0, dtype, []

    def add(self, m):
        self.buf.append(m)
        k = sum(x.shape[0] for x in self.buf)
        full = k // self.c * self.c
        if full:
            x = sp.vstack(self.buf, format="csr")
            self.buf = [x[full:]] if full < k else []
            self._put(x[:full])

    def _put(self, x):
        step = max(self.c, 1024 // self.c * self.c)
        for s in range(0, x.shape[0], step):
            y = x[s : s + step].toarray().astype(self.dtype, copy=False)
            self.d[self.at : self.at + len(y)] = y
            self.at += len(y)

    def close(self):
        if self.buf:
            self._put(sp.vstack(self.buf, format="csr"))


WRITERS = {"csr": CsrWriter, "csc": CscWriter, "dense": DenseWriter}


# ------------------------------------------------------------------- one batch
def barcodes(b, start, n):
    """Unique 16-mers: a bijection of the cell number, spelled in base 4."""
    x = (np.arange(start, start + n, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(b * 97)) % np.uint64(2**32)
    sh = np.arange(30, -2, -2, dtype=np.uint64)
    codes = ((x[:, None] >> sh) & np.uint64(3)).astype(np.uint8)
    s = np.frombuffer(b"ACGT", np.uint8)[codes].view("S16").ravel().astype("U16")
    return np.char.add(s, f"-{b + 1}").astype(object)


def make_batch(job):
    m, b, n, path = job
    a = m.a
    t0 = time.perf_counter()
    ba = m.batch(b)
    g = len(ba.cols)
    st = Store(path, a)
    dt = np.dtype(a.dtype)
    W = WRITERS[a.layout]
    norm = a.counts_layer
    w = {"X": W(st, "X", n, g, np.dtype("float32") if norm else dt)}
    if norm:
        st.group("layers", **{"encoding-type": "dict", "encoding-version": "0.1.0"})
        w["layers/counts"] = W(st, "layers/counts", n, g, dt)
    mito = m.var["is_mito"].to_numpy()[ba.cols]
    tot = np.empty(n, np.float32)
    ng = np.empty(n, np.int32)
    pm = np.empty(n, np.float64)
    ty = np.empty(n, np.int16)
    nnz, biggest = 0, 0.0
    per_gene = np.zeros(g, np.int64)
    top = np.iinfo(dt).max if dt.kind in "iu" else None
    for s, x, t in ba.chunks(n):
        if top is not None:
            np.minimum(x.data, top, out=x.data)
        e = s + x.shape[0]
        tot[s:e] = np.add.reduceat(np.append(x.data, 0), x.indptr[:-1]) * (np.diff(x.indptr) > 0)
        ng[s:e] = np.diff(x.indptr)
        pm[s:e] = 100.0 * (x @ mito.astype(np.float32)) / np.maximum(tot[s:e], 1)
        ty[s:e] = t
        per_gene += np.bincount(x.indices, minlength=g)
        nnz += x.nnz
        biggest = max(biggest, float(x.data.max()) if x.nnz else 0.0)
        if norm:
            w["layers/counts"].add(x)
            y = x.copy()
            y.data *= np.repeat((1e4 / np.maximum(tot[s:e], 1)).astype(np.float32), ng[s:e])
            np.log1p(y.data, out=y.data)
            w["X"].add(y)
        else:
            w["X"].add(x)
    for x in w.values():
        x.close()

    rng = rng_of(a.seed, 4, b)
    used = np.unique(ty)
    code = np.full(len(m.type_names), -1)
    code[used] = np.arange(len(used))
    age = rng.integers(18, 90, n)
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical.from_codes(code[ty], [m.type_names[i] for i in used]),
            "batch": pd.Categorical.from_codes(np.zeros(n, int), [f"batch{b}"]),
            "donor": pd.Categorical.from_codes(rng.integers(0, 3, n), [f"d{b}_{i}" for i in range(3)]),
            "total_counts": tot,
            "n_genes": ng,
            "pct_mito": pm,
            "doublet_score": np.where(rng.random(n) < 0.02, np.nan, rng.beta(2, 20, n)),
            "is_doublet": rng.random(n) < 0.05,
            "age": pd.array(np.where(rng.random(n) < 0.1, -1, age), dtype="Int64"),
            "passes_qc": pd.array(pm < 20, dtype="boolean"),
            "phase": pd.Categorical.from_codes(rng.integers(0, 3, n), ["G1", "S", "G2M"], ordered=True),
            "library": np.array([f"lib-{b}-{i}" for i in range(7)], dtype=object)[rng.integers(0, 7, n)],
        },
        index=pd.Index(barcodes(b, 0, n), name="barcode"),
    )
    obs["age"] = obs["age"].where(obs["age"] >= 0)
    obs.loc[rng.random(n) < 0.01, "passes_qc"] = pd.NA
    if b % 2:  # a column that only some of the files have
        obs["chemistry"] = pd.Categorical.from_codes(rng.integers(0, 2, n), ["v2", "v3"])
    var = m.var.iloc[ba.cols].copy()
    var["n_cells"] = per_gene
    st.elem("obs", obs)
    st.elem("var", var)
    if not a.bare:
        cen = rng_of(a.seed, 5).normal(0, 3, (len(m.type_names), 10))
        st.elem(
            "obsm",
            {
                "X_planted": (cen[ty] + rng.normal(0, 1, (n, 10))).astype(np.float32),
                "spatial": rng.uniform(0, 5000, (n, 2)),
            },
        )
        st.elem(
            "uns",
            {
                "batch": f"batch{b}",
                "generator": "make_atlas",
                "cell_type_colors": np.array(
                    [f"#{(37 * i * i + 4099 * i + 0x336699) & 0xFFFFFF:06x}" for i in range(len(used))], dtype=object
                ),
                "params": {"seed": a.seed, "mix": m.mix, "scale": m.scale, "strength": {"batch": a.batch_strength}},
            },
        )
    else:
        st.elem("obsm", {})
        st.elem("uns", {})
    for k in ("varm", "obsp", "varp") + (() if norm else ("layers",)):
        st.elem(k, {})
    st.close()
    size = path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    return {
        "file": path.name,
        "cells": n,
        "genes": g,
        "nnz": int(nnz),
        "density": nnz / (n * g),
        "nnz_per_cell": nnz / n,
        "umi_per_cell": float(tot.mean(dtype=np.float64)),
        "max_count": biggest,
        "bytes": size,
        "seconds": round(time.perf_counter() - t0, 2),
    }


def main(argv=None):
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--cells", type=int, default=10_000, help="cells in all files together")
    p.add_argument("--genes", type=int, default=20_000, help="genes in the whole panel")
    p.add_argument("--batches", type=int, default=1, help="files")
    q = p.add_mutually_exclusive_group()
    q.add_argument("--density", type=float, help="mean share of non-zero entries (before --batches' spread)")
    q.add_argument("--depth", type=float, help="mean counts per cell")
    p.add_argument("--seed", type=int, default=0)
    p.add_argument("--format", choices=["h5ad", "zarr"], default="h5ad")
    p.add_argument("--zarr-format", type=int, choices=[2, 3], default=2)
    p.add_argument("--layout", choices=["csr", "csc", "dense"], default="csr")
    p.add_argument("--compression", choices=["none", "gzip", "lzf", "zstd", "blosc"], default="none")
    p.add_argument(
        "--chunk", type=int, default=0, help="storage chunk: non-zeros (sparse) or rows (dense); 0: a default"
    )
    p.add_argument("--out-dir", required=True, type=Path)
    p.add_argument("--dtype", choices=["float32", "float64", "int32", "int64", "uint16"], default="float32")
    p.add_argument("--cell-types", type=int, default=0, help="planted types; 0: those of the base file")
    p.add_argument("--separation", type=float, default=1.0, help="strength of the planted type programmes")
    p.add_argument("--batch-strength", type=float, default=1.0)
    p.add_argument(
        "--overlap",
        type=float,
        nargs=2,
        default=(0.80, 0.95),
        metavar=("LO", "HI"),
        help="share of the panel that each batch file has",
    )
    p.add_argument("--same-genes", action="store_true", help="every file has all genes in one order")
    p.add_argument("--counts-layer", action="store_true", help="X = log1p(CP10k), counts in layers/counts")
    p.add_argument("--bare", action="store_true", help="no obsm and uns")
    p.add_argument("--mix", type=int, default=2, help="real cells mixed into each synthetic one")
    p.add_argument("--h5-latest", action="store_true", help="libver=latest")
    p.add_argument("--jobs", type=int, default=1, help="batch files made at once")
    p.add_argument("--base", type=Path, default=Path(__file__).resolve().parents[1] / "demo/pbmc4k.h5ad")
    a = p.parse_args(argv)
    if a.format == "zarr" and a.compression == "lzf":
        p.error("lzf is HDF5's")
    if a.format == "h5ad" and a.compression == "blosc":
        p.error("blosc is zarr's here")
    if a.density is None and a.depth is None:
        a.depth = 2500.0
    a.out_dir.mkdir(parents=True, exist_ok=True)
    t0 = time.perf_counter()
    m = Model(a)
    setup = time.perf_counter() - t0
    sizes = np.full(a.batches, a.cells // a.batches)
    sizes[: a.cells - sizes.sum()] += 1
    ext = "h5ad" if a.format == "h5ad" else "zarr"
    jobs = [(m, b, int(n), a.out_dir / f"batch{b}.{ext}") for b, n in enumerate(sizes)]
    if a.jobs > 1:
        with ProcessPoolExecutor(a.jobs) as ex:
            files = list(ex.map(make_batch, jobs))
    else:
        files = [make_batch(j) for j in jobs]
    tot = time.perf_counter() - t0
    import resource

    rss = max(resource.getrusage(w).ru_maxrss for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    man = {
        "args": {k: (str(v.name) if isinstance(v, Path) else v) for k, v in vars(a).items()},
        "types": m.type_names,
        "mix": m.mix,
        "scale": m.scale,
        "files": files,
        "cells": int(sizes.sum()),
        "nnz": sum(f["nnz"] for f in files),
        "bytes": sum(f["bytes"] for f in files),
        "setup_seconds": round(setup, 2),
        "seconds": round(tot, 2),
        "peak_rss_mib": rss // 1024,
    }
    (a.out_dir / "manifest.json").write_text(json.dumps(man, indent=1))
    for f in files[:4]:
        print(
            f"{f['file']}: {f['cells']} x {f['genes']}, {f['nnz_per_cell']:.0f} nnz/cell, density {f['density']:.4f}, "
            f"{f['umi_per_cell']:.0f} UMI/cell, {f['bytes'] / 1e6:.1f} MB, {f['seconds']} s"
        )
    print(
        f"total: {man['cells']} cells, {man['nnz'] / 1e6:.1f} M nnz, {man['bytes'] / 1e6:.1f} MB, "
        f"{man['seconds']} s ({man['cells'] / tot:.0f} cells/s), peak RSS {man['peak_rss_mib']} MiB"
    )


if __name__ == "__main__":
    main()
