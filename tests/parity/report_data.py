"""What stands in a page that `annstream report` wrote."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np

DATA = re.compile(r'<script type="application/json" id="data">(.*?)</script>', re.DOTALL)


def read(page: Path) -> dict[str, Any]:
    """The report in a page."""
    found = DATA.findall(page.read_text())
    assert len(found) == 1
    return json.loads(found[0])


def unpack(packed: dict[str, Any]) -> np.ndarray:
    """Packed numbers as floats, NaN where there is none; codes as integers, -1 where there is none."""
    raw = base64.b64decode(packed["base64"])
    if packed["type"] == "f32":
        return np.frombuffer(raw, "<f4")
    if packed["type"] == "steps":
        low, high = packed["range"]
        steps = np.frombuffer(raw, "<u2")
        return np.where(steps == 65535, np.nan, low + (high - low) * (steps.astype(float) / 65534))
    codes = np.frombuffer(raw, "u1" if packed["type"] == "u8" else "<u2").astype(int)
    return np.where(codes == (255 if packed["type"] == "u8" else 65535), -1, codes)


def order(cells: int, most: int = 100_000) -> np.ndarray:
    """The cells that are drawn, in their order."""
    return np.random.default_rng(0).choice(cells, min(cells, most), replace=False)


def coloring(report: dict[str, Any], name: str) -> dict[str, Any]:
    """What cells can be coloured by, by its name."""
    return next(one for one in report["embedding"]["colors"] if one["name"] == name)
