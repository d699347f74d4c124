"""Writes align.json: random indexes and what anndata 0.12.19 with pandas 2.3.3 makes of them.

python align.py CASES SEED > align.json
"""
import json, random, sys, warnings
import pandas as pd
from anndata._core.merge import merge_indices

warnings.simplefilter("ignore")
rng = random.Random(int(sys.argv[2]))
POOL = list("abcxyz") + ["A", "B2", "é", "e\u0301", "\U00010400", "\uff5a", "", "10", "9"]

def index(dtype, last):
    if last is not None and rng.random() < .35:
        return list(last) if rng.random() < .6 else rng.sample(last, len(last))
    v = rng.sample(POOL, rng.choice([0, 1, 2, 3, 5, 8]))
    if dtype == "string" and rng.random() < .3: v.insert(rng.randint(0, len(v)), None)
    return sorted(v, key=lambda x: (x is None, x)) if rng.random() < .3 else v

out = []
while len(out) < int(sys.argv[1]):
    kinds = rng.choice([["object"], ["object"], ["string"], ["object", "string"]])
    parts, last = [], None
    for _ in range(rng.choice([1, 2, 2, 3, 4])):
        kind = rng.choice(kinds)
        v = index(kind, last)
        if None in v: kind = "string"
        last = v
        parts.append((kind, v))
    # A missing label that is sometimes an object and sometimes a string is not one label in pandas.
    if any(None in v for _, v in parts) and len({k for k, _ in parts}) > 1: continue
    case = {"parts": [{"t": k, "v": v} for k, v in parts]}
    for join in ["inner", "outer"]:
        r = merge_indices([pd.Index(v, dtype=k) for k, v in parts], join)
        case[join] = {"t": "string" if r.dtype == "string" else "object", "v": [None if pd.isna(x) else x for x in r]}
    out.append(case)
print("[\n" + ",\n".join(json.dumps(c) for c in out) + "\n]")
