"""Writes stack.json: stacks of random columns and what anndata 0.12.19 with pandas 2.3.3 makes of them.

python stack.py CASES SEED > stack.json
"""
import json, random, sys, warnings
import numpy as np, pandas as pd
from anndata._core.merge import unify_dtypes

warnings.simplefilter("ignore")
N, SEED = int(sys.argv[1]), int(sys.argv[2])
rng = random.Random(SEED)
NUM = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float16", "float32", "float64", "complex64"]
MASKED = ["Int8", "Int32", "Int64", "UInt8", "UInt32", "boolean"]
TEXT = ["b", "a", "x10", "x2", "c", "10", "9"]

def cats(kind):
    pool = {"str": TEXT, "string": TEXT, "bool": [True, False]}.get(kind, [3, 1, 2, 10])
    n = rng.choice([0, 1, 2, 3, min(len(pool), 4)])
    values = rng.sample(pool, min(n, len(pool)))
    dtype = {"str": object, "string": "string"}.get(kind, kind)
    return pd.Index(values, dtype=dtype)

FIXED = {}
def column(kinds):
    kind = rng.choice(kinds)
    n = rng.choice([0, 1, 2, 2, 3])
    allna = rng.random() < 0.2
    if kind in NUM:
        if kind == "bool": return pd.Series([rng.random() < .5 for _ in range(n)], dtype=bool)
        v = np.array([rng.randint(0, 9) for _ in range(n)], dtype=kind)
        if kind[0] in "fc" and n:
            if allna: v[:] = np.nan
            elif rng.random() < .4: v[rng.randrange(n)] = np.nan
        return pd.Series(v)
    if kind == "str":
        return pd.Series([rng.choice(TEXT) for _ in range(n)], dtype=object)
    if kind in ("string", "strnan"):
        d = pd.StringDtype("python", na_value=pd.NA if kind == "string" else np.nan)
        return pd.Series([None if allna or rng.random() < .3 else rng.choice(TEXT) for _ in range(n)], dtype=d)
    if kind in MASKED:
        f = (lambda: rng.random() < .5) if kind == "boolean" else (lambda: rng.randint(0, 9))
        return pd.Series([None if allna or rng.random() < .3 else f() for _ in range(n)], dtype=kind)
    _, ck, o = kind
    c = cats(ck)
    if rng.random() < .5: c = FIXED.setdefault((ck, o), c)
    codes = [-1 if allna or not len(c) or rng.random() < .2 else rng.randrange(len(c)) for _ in range(n)]
    return pd.Series(pd.Categorical.from_codes(codes, categories=c, ordered=o))

CATS = [("cat", ck, o) for ck in ["str", "int64", "int32", "float64", "bool", "string"] for o in [False, False, True]]
GROUPS = [NUM, ["int64", "float32", "float64", "bool"], ["str", "string", "strnan", ("cat", "str", False), "float64"],
          MASKED, MASKED + NUM, CATS, [("cat", "str", False)], [("cat", "str", True)], [("cat", "str", True), ("cat", "str", False)],
          [("cat", "int64", False), "int64", "float64"], [("cat", "int32", False), ("cat", "int64", False)], ["bool", "boolean"],
          NUM + MASKED + CATS + ["str", "string", "strnan"]]

def enc(s):
    d = s.dtype
    if isinstance(d, pd.CategoricalDtype):
        return {"t": "category", "codes": s.cat.codes.astype(int).tolist(), "cats": enc(pd.Series(d.categories)), "ordered": bool(d.ordered)}
    if isinstance(d, pd.StringDtype):
        return {"t": "string" if d.na_value is pd.NA else "strnan", "v": [None if pd.isna(x) else x for x in s]}
    if pd.api.types.is_extension_array_dtype(d):
        return {"t": str(d).lower() if d.kind != "b" else "boolean", "masked": True, "v": [None if x is pd.NA else (int(x) if d.kind != "f" else float(x)) for x in s]}
    if d == object:
        v = [None if x is None or x is pd.NA or (isinstance(x, float) and x != x) else x for x in s]
        if any(not (x is None or isinstance(x, str)) for x in v): return {"error": True}
        return {"t": "object", "v": v, "na": any(x is pd.NA for x in s)}
    if d.kind == "c": return {"t": str(d), "v": [None if x != x else [x.real, x.imag] for x in s.tolist()]}
    return {"t": str(d), "v": [None if x != x else (int(x) if d.kind != "f" else x) for x in s.tolist()]}

def writable(e):
    if e.get("masked") and "float" in e["t"]: return False
    if "error" in e or "error" in e.get("cats", {}): return False
    return True

cases = []
while len(cases) < N:
    FIXED.clear()
    kinds = rng.choice(GROUPS)
    parts, dfs = [], []
    for _ in range(rng.choice([1, 2, 2, 2, 3, 3, 4])):
        r = rng.random()
        if r < .15:
            n = rng.choice([0, 1, 2]); parts.append({"missing": n})
            dfs.append(pd.DataFrame({"zz": np.zeros(n, "M8[ns]")}))
        elif r < .18:
            parts.append({"nothing": True}); dfs.append(pd.DataFrame())
        else:
            s = column(kinds); parts.append(enc(s))
            dfs.append(pd.DataFrame({"x": s, "zz": np.zeros(len(s), "M8[ns]")}))
    if not any("x" in df for df in dfs): continue
    try:
        e = enc(pd.concat(unify_dtypes(dfs), join="outer", ignore_index=True)["x"])
        e = e if writable(e) else {"error": True}
    except Exception as ex:
        e = {"error": True, "raised": f"{type(ex).__name__}: {ex}"[:80]}
    cases.append({"parts": parts, "expected": e})
print("[\n" + ",\n".join(json.dumps(c) for c in cases) + "\n]")
