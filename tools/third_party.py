#!/usr/bin/env python3
"""Writes THIRD-PARTY.md: everything that is in the binary, with its licence.

The list of crates comes from `cargo metadata`; the C code inside some of them is listed by hand below, because no
metadata names it. `--check` writes nothing and fails if the file is out of date.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "THIRD-PARTY.md"

# crate that carries it: (name, licence, copyright, what it does here)
BUNDLED = {
    "hdf5-metno-src": ("HDF5", "BSD-3-Clause", "The HDF Group; the University of Illinois", "reads and writes h5ad"),
    "libz-sys": ("zlib", "Zlib", "Jean-loup Gailly and Mark Adler", "gzip inside HDF5"),
    "libdeflate-sys": ("libdeflate", "MIT", "Eric Biggers; Google LLC", "gzip in our own workers"),
    "lzf-sys": ("liblzf", "BSD-2-Clause", "Marc Alexander Lehmann", "LZF chunks"),
    "zstd-sys": ("Zstandard", "BSD-3-Clause", "Meta Platforms, Inc. and affiliates", "zstd chunks"),
    "blosc-src": ("c-blosc", "BSD-3-Clause", "The Blosc Developers", "reads Blosc chunks"),
    "lz4-sys": ("LZ4", "BSD-2-Clause", "Yann Collet", "inside c-blosc"),
    "ring": ("parts of BoringSSL", "Apache-2.0 AND ISC", "The BoringSSL, OpenSSL and ring authors", "TLS, signatures"),
    "snappy_src": ("Snappy", "BSD-3-Clause", "Google Inc.", "inside c-blosc"),
}
# The crate states no licence of its own; that of the sources it carries.
UNSTATED = {"hdf5-metno-src": "BSD-3-Clause (that of the HDF5 sources it carries)"}

# What pages and figures carry, under crates/report/assets/vendor; `tools/vendor_report.sh` makes it anew.
CARRIED = [
    ("Apache ECharts 6.1.0", "Apache-2.0", "The Apache Software Foundation", "charts of the page that `report` writes"),
    ("zrender 6.1.0", "BSD-3-Clause", "Baidu Inc.", "inside ECharts"),
    ("parts of d3", "BSD-3-Clause", "Michael Bostock", "inside ECharts"),
    ("tslib", "0BSD", "Microsoft Corporation", "inside ECharts"),
    ("DejaVu Sans", "Bitstream Vera", "Bitstream, Inc.; changes by DejaVu are public domain", "letters of PNG figures"),
]

HEAD = """# Third-party software

Everything that is part of the `annstream` binary or takes part in building it, on any platform, with its licence.
Written by `make third-party` from `Cargo.lock`; do not edit by hand. Where a licence offers a choice, we use any of
the permissive ones; `make deny` holds the list to them.
"""


def metadata() -> dict:
    """The resolved dependencies."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    return json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)


def reachable(data: dict) -> tuple[set[str], set[str]]:
    """Package ids that are linked into the workspace's crates, and those that only take part in building."""
    nodes = {node["id"]: node["deps"] for node in data["resolve"]["nodes"]}
    linked, building = set(), set()
    todo = [(member, False) for member in data["workspace_members"]]
    while todo:
        package, for_build = todo.pop()
        seen = building if for_build else linked
        if package in seen:
            continue
        seen.add(package)
        for dependency in nodes[package]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if None in kinds:
                todo.append((dependency["pkg"], for_build))
            if "build" in kinds:
                todo.append((dependency["pkg"], True))
    members = set(data["workspace_members"])
    return linked - members, building - linked - members


def table(packages: list[dict]) -> list[str]:
    """A Markdown table of crates."""
    lines = ["| crate | version | licence |", "|---|---|---|"]
    for package in sorted(packages, key=lambda package: (package["name"], package["version"])):
        licence = package["license"] or UNSTATED[package["name"]]
        lines.append(f"| {package['name']} | {package['version']} | {licence} |")
    return lines


def document() -> str:
    """The text of THIRD-PARTY.md."""
    data = metadata()
    packages = {package["id"]: package for package in data["packages"]}
    linked, building = reachable(data)
    carried = {packages[i]["name"]: packages[i]["version"] for i in linked | building}
    lines = [HEAD, "## C and C++ code that crates carry", "", "| code | licence | copyright | here it | crate |"]
    lines.append("|---|---|---|---|---|")
    for crate, (name, licence, owner, use) in BUNDLED.items():
        if crate in carried:
            lines.append(f"| {name} | {licence} | {owner} | {use} | {crate} {carried[crate]} |")
    lines += ["", "## Code and letters that pages and figures carry", "", "| what | licence | copyright | here it |"]
    lines.append("|---|---|---|---|")
    lines += [f"| {name} | {licence} | {owner} | {use} |" for name, licence, owner, use in CARRIED]
    lines += ["", "The texts of these licences stand beside the files, in `crates/report/assets/vendor`."]
    lines += ["", "## Crates in the binary", "", *table([packages[i] for i in linked])]
    lines += ["", "## Crates that only take part in building", "", *table([packages[i] for i in building])]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Writes or checks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail if THIRD-PARTY.md is not what would be written")
    options = parser.parse_args()
    text = document()
    if not options.check:
        OUTPUT.write_text(text)
        return 0
    if not OUTPUT.exists() or OUTPUT.read_text() != text:
        print("THIRD-PARTY.md is out of date: run `make third-party`", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
