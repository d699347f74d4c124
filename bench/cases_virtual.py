"""`annstream concat --virtual`: what it takes beyond a merge of the same files without their X."""

from __future__ import annotations

from case import OURS, Case, Family, Tool, on_disk, ours

PLAN, TABLES = "annstream --plan", "annstream, no X"
# Seconds that showing the matrices may add to merging the tables.
MOST = 1.0


def virtual(name: str, title: str, dataset: str) -> Case:
    """The view, its plan, the tables alone, and a copy by the peer."""
    tools = (
        Tool(OURS, ours("concat", "--virtual")),
        Tool(PLAN, ours("concat", "--virtual", "--plan"), checked=False),
        Tool(TABLES, ours("concat"), checked=False, datasets=("tables",)),
        on_disk(),
    )
    return Case(name, title, (dataset,), tools)


def claims(results: dict[str, dict]) -> list[str]:
    """Whether the matrices cost next to nothing."""
    lines = []
    for name, case in results.items():
        view, tables = case["tools"].get(OURS, {}), case["tools"].get(TABLES, {})
        if "wall" in view and "wall" in tables:
            beyond = view["wall"] - tables["wall"]
            verdict = "kept" if beyond < MOST else "NOT kept"
            lines.append(
                f"{name}: {beyond:.2f} s beyond a merge of the tables (less than {MOST:g} s expected: {verdict})."
            )
    return lines


FAMILY = Family(
    "virtual",
    "Virtual files",
    (
        virtual("virtual", "--virtual, uncompressed, same genes", "same"),
        virtual("virtual-gzip", "--virtual, gzip, same genes", "same-gzip"),
    ),
    claims,
)
