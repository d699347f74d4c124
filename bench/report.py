"""The results as tables: for a terminal, for RESULTS.md, and short ones for the README."""

from __future__ import annotations

from pathlib import Path

from case import COPY, DISK_SYNCED, OURS, SYNCED

MARKS = ("<!-- bench:start -->", "<!-- bench:end -->")
HEADS = ["", "wall s", "CPU s", "peak MiB", "output MB", "x wall", "x CPU", "x peak"]
# Characters of a message that are shown in a table; the results have all of it.
MESSAGE = 100


def shortened(message: str) -> str:
    """The beginning of a message, for a cell of a table."""
    return message if len(message) <= MESSAGE else message[: MESSAGE - 1] + "…"


def row_of(case: dict, tool: str, imports: dict) -> list[str]:
    """One row of the table: figures, then how many times ours they are."""
    found = case["tools"][tool]
    if "wall" not in found:
        return [tool, shortened(found["problem"] or "not run"), "", "", "", "", "", ""]
    wall = f"{found['wall']:.2f}"
    if len(found["runs"]) > 1:
        wall += f" ({found['wall_least']:.2f}-{found['wall_most']:.2f})"
    written = f"{found['output_bytes'] / 1e6:.0f}" if found["output_bytes"] else ""
    row = [tool, wall, f"{found['cpu']:.2f}", f"{found['peak_mib']:.0f}", written]
    ours = case["tools"].get(OURS, {})
    if tool == OURS:
        limit = case["memory_mib"]
        if limit:
            row[3] += f" ({'within' if found['peak_mib'] <= limit else 'OVER'} {limit})"
        return [*row, "1", "1", "1"]
    if "wall" not in ours:
        return [*row, "", "", ""]
    ratio = f"{found['wall'] / ours['wall']:.2f}"
    if found["imports"]:
        ratio += f" ({max(0.0, found['wall'] - imports[found['imports']]['wall']) / ours['wall']:.2f})"
    return [*row, ratio, f"{found['cpu'] / ours['cpu']:.2f}", f"{found['peak_mib'] / ours['peak_mib']:.2f}"]


def claims_of(family: dict) -> list[str]:
    """What was expected of single cases, then what the family shows together."""
    lines = []
    for case in family["cases"]:
        ours = case["tools"].get(OURS, {})
        for tool, least in case["expected"].items():
            found = case["tools"].get(tool, {})
            if "wall" in found and "wall" in ours:
                ratio = found["wall"] / ours["wall"]
                bare = (found["wall"] - family["imports"][found["imports"]]["wall"]) / ours["wall"]
                verdict = "reached" if ratio >= least else "NOT reached"
                times = f"{ratio:.2f} times ({bare:.2f} without its imports) as fast as {tool}"
                lines.append(f"{case['name']}: {times}; {least:g} expected: {verdict}.")
    return lines + family["claims"]


def describe(case: dict) -> str:
    """How much data a case has, and whether the results agree."""
    size = f"{case['cells']:,} cells, {case['nnz'] / 1e6:.0f} M entries, {case['input_bytes'] / 1e6:,.0f} MB"
    return f"{size}; {case['checked']}"


def text_table(family: dict) -> str:
    """The table of a family for a terminal."""
    lines = []
    for case in family["cases"]:
        lines += ["", f"{case['name']}: {case['title']}; {describe(case)}"]
        rows = [HEADS, *(row_of(case, tool, family["imports"]) for tool in case["tools"])]
        # A message may be long; it stands alone in its row.
        widths = [max(len(row[i]) for row in rows if i == 0 or row[-2]) for i in range(len(HEADS))]
        lines += [
            (
                "  " + row[0].ljust(widths[0]) + "".join("  " + row[i].rjust(widths[i]) for i in range(1, len(HEADS)))
            ).rstrip()
            for row in rows
        ]
    return "\n".join([*lines, "", *claims_of(family)])


def machine_line(family: dict) -> str:
    """What the figures depend on."""
    at, peers = family["machine"], family["machine"]["peers"]
    names = ["anndata", "h5py", "zarr", *(["scanpy"] if "scanpy" in family["imports"] else [])]
    versions = ", ".join(f"{name} {peers[name]}" for name in names)
    return (
        f"{at['cores']} cores ({at['cpu']}), {at['memory_gib']} GiB, {at['system']}; {at['annstream']}; {versions}, "
        f"Python {peers['python']}. Median of {family['options']['repeat']} (least-most)."
    )


def footnote(family: dict) -> str:
    """What the columns mean."""
    paid = [
        f"{cost['wall']:.2f} s and {cost['peak_mib']:.0f} MiB for {name}" for name, cost in family["imports"].items()
    ]
    python = (
        f"A Python process pays for its imports ({', '.join(paid)}); the ratio in parentheses leaves that time out. "
    )
    copies = any(COPY in case["tools"] for case in family["cases"])
    return (
        'The columns "x" say how many times ours a figure is. '
        + (python if paid else "")
        + "Whole processes, page cache warm."
        + (" `cp` copies the input files: the floor that the disk sets." if copies else "")
    )


def markdown(families: list[dict]) -> str:
    """The same for RESULTS.md."""
    lines, said = [], None
    for family in families:
        lines += ["", f"### {family['title']}", ""]
        # Once, if all families were measured alike.
        if machine_line(family) != said:
            said = machine_line(family)
            lines += [said, ""]
        for case in family["cases"]:
            lines += [f"**{case['title'][0].upper()}{case['title'][1:]}** ({describe(case)})", ""]
            lines += ["| " + " | ".join(HEADS) + " |", "|---" + "|--:" * (len(HEADS) - 1) + "|"]
            rows = (row_of(case, tool, family["imports"]) for tool in case["tools"])
            lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
            lines.append("")
        lines += [f"- {claim}" for claim in claims_of(family)]
        lines += ["", footnote(family)] if claims_of(family) else [footnote(family)]
    return "\n".join(lines[1:]) + "\n"


def summary(families: list[dict]) -> str:
    """One row for each case: ours, and the peers with their ratios; what is left out stands in RESULTS.md."""
    heads = ["job", "annstream", "peak", "peers: wall time (times ours), peak"]
    lines = [machine_line(families[0]), "", "| " + " | ".join(heads) + " |", "|---|--:|--:|---|"]
    for case in (case for family in families for case in family["cases"]):
        ours = case["tools"].get(OURS, {})
        if "wall" not in ours:
            continue
        peers = [
            f"{tool} {found['wall']:.1f} s ({found['wall'] / ours['wall']:.2f}), {found['peak_mib']:,.0f} MiB"
            for tool, found in case["tools"].items()
            if tool not in (OURS, COPY, SYNCED, DISK_SYNCED) and "wall" in found
        ]
        title = f"{case['title'][0].upper()}{case['title'][1:]}; {case['cells']:,} cells"
        row = [title, f"{ours['wall']:.2f} s", f"{ours['peak_mib']:,.0f} MiB", "; ".join(peers)]
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |")
    return "\n".join(lines) + "\n"


def update_readme(path: Path, text: str) -> None:
    """Puts a table between the marks of the README."""
    before, rest = path.read_text().split(MARKS[0], 1)
    after = rest.split(MARKS[1], 1)[1]
    path.write_text(f"{before}{MARKS[0]}\n{text}{MARKS[1]}{after}")
