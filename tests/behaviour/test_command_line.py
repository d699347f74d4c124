"""The command line: help, versions, usage errors, lists of inputs, plans, reports and how much is said."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import anndata
import pytest

from .inputs import make_good, write, write_good
from .support import EXISTS, INVALID, IO, MEMORY, OK, ROOT, USAGE, assert_empty, concat, run, snapshot

DATA = Path(os.environ.get("ANNSTREAM_DATA", ROOT.parent / "shared" / "data"))
FLAGS = {
    "concat": """
        --output --axis --join --merge --uns-merge --label --keys --keys-from --index-unique --fill-value --pairwise
        --compression --virtual --force --allow-external --plan --json --memory --threads --tmpdir --progress --quiet
        --verbose
    """,
    "convert": """
        --layout --dtype --compression --chunk --shard --zarr-format --compat --force --allow-external --plan --json
        --memory --threads --tmpdir --progress --quiet --verbose
    """,
    "info": "--json --tree --allow-external",
}


@pytest.fixture
def pair(good: Path) -> list[Path]:
    """Two inputs."""
    return [good, write_good(good.parent / "other.h5ad", seed=1, layout="csc")]


@pytest.mark.parametrize("command", FLAGS)
def test_help(command: str) -> None:
    """The help of a command tells of every flag."""
    flags = set(FLAGS[command].split())
    for way in (("--help",), ("-h",)):
        done = run(command, *way)
        assert done.code == OK, done
        assert not done.stderr
        described = set(re.findall(r"(?<![\w`])--[a-z][a-z-]+", re.sub(r"annstream .*|\[default: .*", "", done.stdout)))
        assert described >= flags, sorted(flags - described)
    assert done.stdout.count("Usage: annstream") == 1


def test_top_help() -> None:
    """Commands and exit codes are in the first help."""
    done = run("--help")
    assert done.code == OK
    for word in ("concat", "info", "Exit codes", "130"):
        assert word in done.stdout


def test_version() -> None:
    """One line, with a number."""
    done = run("--version")
    assert done.code == OK
    assert re.fullmatch(r"annstream \d+\.\d+\.\d+.*\n", done.stdout), done


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("merge",),
        ("info",),
        ("info", "--nonsense", "x"),
        ("info", "a", "b"),
        ("concat", "a.h5ad"),
        ("concat", "-o", "x.h5ad"),
        ("concat", "a.h5ad", "-o", "out.h5ad", "--nonsense"),
        *(
            ("concat", "a.h5ad", "-o", "out.h5ad", option)
            for option in (
                "--memory=lots",
                "--memory=0",
                "--memory=-1G",
                "--memory=",
                "--threads=0",
                "--threads=-1",
                "--threads=100000",
                "--compression=rar",
                "--compression=gzip:10",
                "--compression=zstd:99",
                "--join=left",
                "--merge=most",
                "--axis=2",
                "--fill-value=much",
                "--progress=loud",
                "--keys-from=content",
                "--force=yes",
            )
        ),
        ("concat", "a.h5ad", "-o", "out.h5ad", "--quiet", "--verbose"),
        ("concat", "a.h5ad", "-o", "out.h5ad", "--keys=a", "--keys-from=stem"),
    ],
)
def test_usage(arguments: tuple[str, ...], output: Path) -> None:
    """Wrong usage is exit code 2, said on standard error."""
    done = run(*arguments, cwd=output.parent)
    assert done.code == USAGE, done
    assert done.stderr.strip()
    assert not done.stdout
    assert_empty(output.parent)


def test_list_of_inputs(pair: list[Path], output: Path) -> None:
    """`@list.txt` and `-` name inputs one a line; empty lines and blanks at the ends are skipped."""
    listed = output.parent / "list.txt"
    listed.write_text(f"\n  {pair[0]}  \r\n\nb={pair[1]}\n".replace("b=", ""))
    texts = {
        "arguments": concat(pair, output.parent / "0.h5ad"),
        "list": run("concat", f"@{listed}", "-o", output.parent / "1.h5ad"),
        "stdin": run("concat", "-", "-o", output.parent / "2.h5ad", input=f"{pair[0]}\n{pair[1]}".encode()),
        "mixed": run("concat", pair[0], "-", "-o", output.parent / "3.h5ad", input=f"{pair[1]}\n".encode()),
    }
    for way, done in texts.items():
        assert done.code == OK, (way, done)
    files = [(output.parent / f"{i}.h5ad").read_bytes() for i in range(4)]
    assert files.count(files[0]) == 4


def test_lists_that_are_wrong(output: Path) -> None:
    """A list that is empty, absent or not text is an error, without a trace."""
    empty = output.parent.parent / "empty.txt"
    empty.write_text("\n\n")
    binary = output.parent.parent / "binary.txt"
    binary.write_bytes(b"\xff\xfe\x00\n")
    assert run("concat", f"@{empty}", "-o", output).code == USAGE
    assert run("concat", "-", "-o", output, input=b"").code == USAGE
    assert run("concat", "@absent.txt", "-o", output).code == IO
    done = run("concat", f"@{binary}", "-o", output)
    assert done.code in {USAGE, INVALID, IO}, done
    assert "binary.txt" in done.stderr
    assert_empty(output.parent)


def test_keys(pair: list[Path], output: Path) -> None:
    """Keys by `key=path`, by list and from file names."""
    ways = [
        ([f"good={pair[0]}", f"other={pair[1]}"], []),
        (pair, ["--keys=good,other"]),
        (pair, ["--keys-from=stem"]),
    ]
    for i, (inputs, rest) in enumerate(ways):
        target = output.parent / f"{i}.h5ad"
        done = concat(inputs, target, "--label=batch", "--index-unique=-", *rest)
        assert done.code == OK, done
        adata = anndata.read_h5ad(target)
        assert list(adata.obs["batch"].cat.categories) == ["good", "other"]
        assert adata.obs_names[0].endswith("-good")
    target = output.parent / "names.h5ad"
    assert concat(pair, target, "--label=batch", "--keys-from=filename").code == OK
    assert list(anndata.read_h5ad(target).obs["batch"].cat.categories) == ["good.h5ad", "other.h5ad"]


@pytest.mark.parametrize("extra", [["--keys=a"], ["--keys=a,b,c"], ["--keys=a,a"]])
def test_wrong_keys(extra: list[str], pair: list[Path], output: Path) -> None:
    """Keys fit the inputs, or are refused."""
    done = concat(pair, output, "--label=batch", *extra)
    assert done.code != OK or extra == ["--keys=a,a"], done
    assert output.exists() == (done.code == OK)


def test_some_keys(pair: list[Path], output: Path) -> None:
    """Keys to some inputs only, or twice, are refused."""
    assert concat([f"a={pair[0]}", pair[1]], output).code == USAGE
    assert concat([f"a={pair[0]}", f"b={pair[1]}"], output, "--keys=c,d").code == USAGE
    assert_empty(output.parent)


def test_plan(pair: list[Path], output: Path) -> None:
    """A plan is told and nothing is done; not even to an output that exists."""
    before = snapshot(pair[0].parent)
    for target in (output, pair[0].parent / "new.h5ad"):
        done = concat(pair, target, "--plan", "--join=outer", "--tmpdir", output.parent)
        assert done.code == OK, done
        for word in ("80 x 12", "X", "layers/counts", "passes over the data: 3", "other.h5ad"):
            assert word in done.stdout, done
    assert_empty(output.parent)
    assert snapshot(pair[0].parent) == before
    output.write_text("precious")
    assert concat(pair, output, "--plan").code == OK
    assert output.read_text() == "precious"
    assert concat(pair, pair[0], "--plan").code == EXISTS


def test_plan_as_json(pair: list[Path], output: Path) -> None:
    """The plan for programs."""
    done = concat(pair, output, "--plan", "--json")
    assert done.code == OK, done
    plan = json.loads(done.stdout)
    assert plan["shape"] == [80, 12]
    assert plan["passes"] == 3
    assert plan["memory"] > 0
    assert plan["scratch"] > 0
    assert plan["axis"] == "obs"
    assert [Path(entry["path"]).name for entry in plan["inputs"]] == ["good.h5ad", "other.h5ad"]
    actions = {element["path"]: element["action"] for element in plan["elements"]}
    assert actions["X"] in {"keep", "convert"}, actions
    assert actions["uns/about"] == "drop", actions
    assert set(actions.values()) <= {"keep", "convert", "merge", "drop"}
    assert_empty(output.parent)


def test_report_as_json(pair: list[Path], output: Path) -> None:
    """The report for programs: standard output is JSON and nothing else."""
    done = concat(pair, output, "--json", "--progress=plain", "--verbose")
    assert done.code == OK, done
    report = json.loads(done.stdout)
    assert report["shape"] == [80, 12]
    assert report["bytes"] == output.stat().st_size
    x = next(matrix for matrix in report["matrices"] if matrix["path"] == "X")
    merged = anndata.read_h5ad(output)
    assert x["values"] == merged.X.nnz
    assert x["sum"] == pytest.approx(merged.X.sum())
    assert [part["rows"] for part in x["inputs"]] == [40, 40]


def test_how_much_is_said(pair: list[Path], output: Path) -> None:
    """Quiet is silent; normal is a summary without progress; plain progress names stages; verbose says more."""
    quiet = concat(pair, output, "--quiet")
    assert quiet.code == OK
    assert not quiet.stdout
    assert not quiet.stderr
    normal = concat(pair, output, "--force")
    assert not normal.stdout
    assert "80 x 12" in normal.stderr
    assert "\x1b" not in normal.stderr, "colours without a terminal"
    plain = concat(pair, output, "--force", "--progress=plain")
    assert re.search(r"^X: 80 cells$", plain.stderr, re.MULTILINE), plain
    verbose = concat(pair, output, "--force", "--verbose", "--memory=2G", "--threads=2")
    assert "memory: 2.1 GB (--memory); threads: 2" in verbose.stderr, verbose
    assert len(verbose.stderr) > len(normal.stderr)
    failed = concat([pair[0], "absent.h5ad"], output, "--force", "--quiet")
    assert failed.code == IO
    assert "absent.h5ad" in failed.stderr


def test_budget_of_a_plan(pair: list[Path], output: Path) -> None:
    """Sizes may be written in many ways."""
    for size in ("1G", "1024M", "1048576K", "1.5g", "1GiB", "1GB", "1073741824"):
        assert concat(pair, output, "--plan", f"--memory={size}").code == OK, size
    assert concat(pair, output, "--memory=1K").code == MEMORY


def test_empty_inputs(output: Path) -> None:
    """Objects without cells are objects."""
    path = write(make_good()[:0].copy(), output.parent / "none.h5ad")
    done = concat([path, path], output)
    assert done.code == OK, done
    assert anndata.read_h5ad(output).shape == (0, 12)


def real_files() -> list[Path]:
    """The real files."""
    return sorted(DATA.rglob("*.h5ad")) + sorted(DATA.rglob("*.h5")) if DATA.is_dir() else []


@pytest.mark.parametrize("path", real_files() or [None], ids=lambda path: path.name if path else "none")
def test_info_of_real_files(path: Path | None, tmp_path: Path) -> None:
    """Real files of all ages are shown, and not touched."""
    if path is None:
        pytest.skip(f"no files in {DATA} (set ANNSTREAM_DATA)")
    before = (path.stat().st_size, path.stat().st_mtime_ns)
    shown = run("info", path)
    assert shown.code in {OK, INVALID}, shown
    if shown.code == INVALID:
        assert path.name in shown.stderr
        assert path.suffix == ".h5" or shutil.which("true") is None, f"a real file is refused\n{shown}"
        return
    assert " obs x " in shown.stdout
    tree = run("info", path, "--tree")
    assert tree.code == OK, tree
    done = run("info", path, "--json")
    assert done.code == OK, done
    facts = json.loads(done.stdout)
    assert facts["bytes"] == before[0]
    assert len(facts["shape"]) == 2
    assert facts["elements"]
    assert before == (path.stat().st_size, path.stat().st_mtime_ns)
