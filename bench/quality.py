"""What `check_graph.py` finds of the tools of a case, and what is said of it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
from case import BENCH, OURS, PYTHON, Job
from steps import told

CHECK = [PYTHON, str(BENCH / "check_graph.py")]
# By how much a measure of ours may be below that of a peer.
MARGINS = {"recall": 0.01, "trustworthiness": 0.01, "modularity": 0.01}
STEPS = ("neighbors", "umap", "leiden", "rank_genes_groups")


def metrics_of(output: Path) -> Path:
    """Where a tool says what its steps took."""
    return output.with_name("metrics.json")


def look(tool: str, job: Job, output: Path) -> dict:
    """The quality of an output, its labels in a small file, and the steps of the tool."""
    kept = job.output.with_name("kept")
    kept.mkdir(exist_ok=True)
    labels = kept / f"{tool}.npy"
    done = subprocess.run([*CHECK, str(output), "--labels", str(labels)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        return {"problem": (done.stderr.strip().splitlines() or ["no message"])[-1]}
    found = {"quality": json.loads(done.stdout), "labels": str(labels)}
    if metrics_of(output).exists():
        found["steps"] = json.loads(metrics_of(output).read_text())["report"]["stages"]
    return found


def verdict(looks: dict[str, dict]) -> dict:
    """Whether ours is as good as the others."""
    problems = [f"{tool}: {found['problem']}" for tool, found in looks.items() if "problem" in found]
    steps = {tool: found["steps"] for tool, found in looks.items() if "steps" in found}
    quality = {tool: found["quality"] for tool, found in looks.items() if "quality" in found}
    said = {"steps": steps, "quality": quality}
    if problems or OURS not in quality:
        return {"checked": f"DIFFERS: {'; '.join(problems)}" if problems else "not compared", **said}
    others = [tool for tool in quality if tool != OURS]
    worse = [
        f"{measure} {quality[OURS][measure]:.4f}, of {tool} {quality[tool][measure]:.4f}"
        for tool in others
        for measure, margin in MARGINS.items()
        if quality[OURS][measure] < quality[tool][measure] - margin
    ]
    if worse:
        return {"checked": f"DIFFERS: worse in {'; '.join(worse)}", **said}
    alike = {tool: agreement(looks[OURS]["labels"], looks[tool]["labels"]) for tool in others}
    checked = f"of the quality of {', '.join(others)}" if others else "not compared"
    return {"checked": checked, "alike": alike, **said}


def agreement(first: str, second: str) -> float:
    """The adjusted Rand index of two sets of labels, if they are of the same cells."""
    from sklearn.metrics import adjusted_rand_score

    labels = [np.load(path) for path in (first, second)]
    return float(adjusted_rand_score(*labels)) if len(labels[0]) == len(labels[1]) else float("nan")


def claims(results: dict[str, dict]) -> list[str]:
    """How good all are, and what each step took."""
    lines = []
    for name, case in results.items():
        for tool, found in case.get("quality", {}).items():
            alike = case.get("alike", {}).get(tool)
            lines.append(
                f"{name}: {tool}: recall of neighbours {found['recall']:.4f}, trustworthiness "
                f"{found['trustworthiness']:.4f}, modularity {found['modularity']:.4f} with {found['communities']} "
                f"communities{'' if alike is None else f', adjusted Rand index with ours {alike:.3f}'}."
            )
        for tool, steps in case.get("steps", {}).items():
            lines.append(f"{name}: {tool}, steps of the first run: {told(steps)}.")
        ours = {step["name"]: step["seconds"] for step in case.get("steps", {}).get(OURS, [])}
        for tool, steps in case.get("steps", {}).items():
            if tool == OURS:
                continue
            ratios = [
                f"{step['name']} {step['seconds'] / max(ours[step['name']], 1e-3):.1f}"
                for step in steps
                if step["name"] in STEPS and step["name"] in ours
            ]
            if ratios:
                lines.append(f"{name}: {tool}, times ours, compiling aside: {', '.join(ratios)}.")
    return lines
