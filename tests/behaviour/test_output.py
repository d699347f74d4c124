"""What happens to the output, and to what stood in its place, when things go wrong."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import anndata
import numpy as np
import pytest

from .inputs import bare, large_sparse, make_good, write, write_good
from .support import (
    EXISTS,
    INVALID,
    IO,
    OK,
    USAGE,
    assert_calm,
    assert_empty,
    assert_refused,
    command,
    concat,
    decoded,
    limit,
    run,
    snapshot,
)


@pytest.fixture(scope="module")
def megabytes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An input of a few megabytes that does not compress to nothing."""
    folder = tmp_path_factory.mktemp("megabytes")
    return write(bare(large_sparse(20_000, 500, 30)), folder / "megabytes.h5ad")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; only root can make one."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    line = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=777", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(line, capture_output=True, check=False).returncode != 0:
        pytest.skip("cannot mount a file system here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("link", ["same path", "other spelling", "symbolic link", "hard link"])
@pytest.mark.parametrize("force", [False, True])
def test_output_is_an_input(good: Path, link: str, force: bool) -> None:
    """An input is never replaced, under whatever name."""
    output = good
    if link == "other spelling":
        output = good.parent / ".." / good.parent.name / good.name
    if link == "symbolic link":
        output = good.parent / "link.h5ad"
        output.symlink_to(good)
    if link == "hard link":
        output = good.parent / "link.h5ad"
        output.hardlink_to(good)
    before = snapshot(good.parent)
    other = write_good(good.parent.parent / "other.h5ad", seed=1)
    done = concat([other, good], output, *(["--force"] if force else []))
    assert_refused(done, EXISTS, output.name, good.name)
    assert snapshot(good.parent) == before


def test_output_is_an_input_by_link(good: Path, tmp_path: Path) -> None:
    """The same when the input is the link."""
    link = tmp_path / "input.h5ad"
    link.symlink_to(good)
    before = snapshot(good.parent)
    assert_refused(concat([link], good, "--force"), EXISTS, "good.h5ad")
    assert snapshot(good.parent) == before


def test_existing_output(good: Path, output: Path) -> None:
    """What exists is replaced only with --force, and in one step: its readers keep what they have."""
    output.write_text("precious")
    assert_refused(concat([good], output), EXISTS, output.name, "--force")
    assert output.read_text() == "precious"
    with output.open() as reader:
        assert concat([good], output, "--force").code == OK
        assert reader.read() == "precious"
    anndata.read_h5ad(output)


def test_output_is_a_folder(good: Path, output: Path) -> None:
    """A folder is not replaced by a file."""
    output.mkdir()
    (output / "kept").touch()
    for force in ([], ["--force"]):
        assert_refused(concat([good], output, *force), EXISTS, output.name, "folder")
    assert (output / "kept").exists()


def test_dangling_link(good: Path, output: Path) -> None:
    """A link to nothing is something that exists."""
    output.symlink_to("absent.h5ad")
    done = concat([good], output)
    assert_refused(done, EXISTS, output.name)
    assert output.is_symlink()
    assert not (output.parent / "absent.h5ad").exists()


def test_no_folder(good: Path, tmp_path: Path) -> None:
    """The folder has to exist."""
    assert_refused(concat([good], tmp_path / "absent" / "out.h5ad"), IO, "absent")
    assert not (tmp_path / "absent").exists()


def test_folder_is_a_file(good: Path) -> None:
    """A file is not a folder."""
    assert_refused(concat([good], good / "out.h5ad"), IO, "good.h5ad")


def test_read_only_folder(good: Path, ordinary: tuple[Path, dict]) -> None:
    """Permission denied is said as such."""
    folder, become = ordinary
    mine = Path(shutil.copy(good, folder / "mine.h5ad"))
    mine.chmod(0o444)
    closed = folder / "closed"
    closed.mkdir()
    closed.chmod(0o555)
    line = [str(folder / "annstream"), "concat", str(mine), "-o", str(closed / "out.h5ad")]
    for rest in ([], [f"--tmpdir={folder}"]):
        done = subprocess.run([*line, *rest], capture_output=True, text=True, check=False, cwd=folder, **become)
        assert done.returncode == IO, done
        assert "closed" in done.stderr
        assert "ermission denied" in done.stderr
    assert_empty(closed)


@pytest.mark.parametrize("compression", ["none", "gzip", "lzf"])
@pytest.mark.parametrize("dense", [False, True])
def test_disk_full(compression: str, dense: bool, megabytes: Path, tiny_disk: Path, tmp_path: Path) -> None:
    """No space left is said as such, and the space is given back."""
    source = megabytes
    if dense:
        values = np.random.default_rng(0).normal(size=(5000, 300)).astype(np.float32)
        source = write(bare(values), tmp_path / "dense.h5ad")
    done = concat([source], tiny_disk / "out.h5ad", f"--compression={compression}", "--tmpdir", tmp_path)
    assert_refused(done, IO, "out.h5ad", "no space left")
    assert_empty(tiny_disk)


def test_disk_full_keeps_the_old(megabytes: Path, tiny_disk: Path) -> None:
    """With --force, too, the old content stays."""
    output = tiny_disk / "out.h5ad"
    output.write_text("precious")
    assert_refused(concat([megabytes], output, "--force"), IO, "out.h5ad", "no space left")
    assert output.read_text() == "precious"
    assert [path.name for path in tiny_disk.iterdir()] == ["out.h5ad"]


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_file_size_limit(compression: str, megabytes: Path, output: Path) -> None:
    """`ulimit -f` is an error like others, not a silent death."""
    arguments = ("-o", output, f"--compression={compression}")
    prepare = limit(resource.RLIMIT_FSIZE, 300_000)
    done = run("concat", megabytes, *arguments, preexec_fn=prepare)
    assert_refused(done, IO, "out.h5ad", "too large")
    assert_empty(output.parent)


def csc(path: Path, rows: int = 20_000) -> Path:
    """An input that has to be transposed."""
    return write(bare(large_sparse(rows, 500, 30).tocsc()), path)


def test_scratch_absent(good: Path, output: Path, tmp_path: Path) -> None:
    """The folder for scratch files has to exist, whether by flag or by TMPDIR."""
    absent = tmp_path / "nowhere"
    assert_refused(concat([good], output, "--tmpdir", absent), IO, "nowhere")
    assert_refused(concat([good], output, env={**os.environ, "TMPDIR": str(absent)}), IO, "nowhere")
    assert_empty(output.parent)


def test_scratch_full(tiny_disk: Path, output: Path, tmp_path: Path) -> None:
    """A full scratch disk is named."""
    done = concat([csc(tmp_path / "csc.h5ad")], output, "--tmpdir", tiny_disk, "--memory=64M")
    assert_refused(done, IO, "tiny", "no space left")
    assert_empty(output.parent)
    assert_empty(tiny_disk)


def test_broken_pipe(good: Path) -> None:
    """A reader that leaves early is no error."""
    for arguments in (("info", good), ("info", good, "--json"), ("info", good, "--tree"), ("--help",)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run(command(*arguments), stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert done.returncode in {0, 141, -13}, done
        assert b"panicked" not in done.stderr, decoded(done.stderr)


@pytest.mark.parametrize(
    "name", ["späce and ünïcode 細胞", "-o", "a=b", "@list", "quote'\"", "new\nline", "*", "x" * 200]
)
def test_odd_names(name: str, good: Path, tmp_path: Path) -> None:
    """Names are names."""
    folder = tmp_path / name
    folder.mkdir()
    source = Path(shutil.copy(good, folder / f"{name}.h5ad"))
    output = folder / f"out {name[:150]}.h5ad"
    assert concat([source, good], output, "--index-unique=-").code == OK
    assert run("info", output).code == OK
    assert sorted(path.name for path in folder.iterdir()) == sorted([source.name, output.name])


def test_name_too_long(good: Path, output: Path) -> None:
    """Also when the name of the unfinished file is longer than a name may be."""
    target = output.parent / ("x" * 250 + ".h5ad")
    done = concat([good], target)
    assert_calm(done)
    assert done.code in {OK, IO}, done
    target = output.parent / ("y" * 245 + ".h5ad")
    assert concat([good], target).code == OK


def test_name_is_not_utf8(good: Path, output: Path) -> None:
    """Paths are bytes; those that are not UTF-8 are read or refused, never mistaken for others."""
    odd = os.fsencode(good.parent) + b"/\xff\xfe.h5ad"
    shutil.copy(good, odd)
    line = [*command("concat"), odd, "-o", str(output)]
    done = subprocess.run(line, capture_output=True, check=False)
    assert done.returncode in {OK, USAGE, INVALID, IO}, done
    assert b"panicked" not in done.stderr, decoded(done.stderr)
    assert output.exists() == (done.returncode == OK)


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_many_inputs(layout: str, tmp_path: Path) -> None:
    """Three hundred inputs do not run out of file handles."""
    paths = []
    for i in range(3):
        adata = bare(large_sparse(5, 6, 2, seed=i))
        adata.X = adata.X.tocsc() if layout == "csc" else adata.X
        paths.append(write(adata, tmp_path / f"{i}.h5ad"))
    many = []
    for i in range(300):
        many.append(tmp_path / f"copy{i}.h5ad")
        shutil.copy(paths[i % 3], many[-1])
    output = tmp_path / "out.h5ad"
    done = concat(many, output, "--index-unique=-", preexec_fn=limit(resource.RLIMIT_NOFILE, 64))
    assert done.code == OK, done
    assert anndata.read_h5ad(output).shape == (1500, 6)


def test_too_many_inputs(good: Path, output: Path) -> None:
    """A hard limit on file handles is said as such."""
    copies = []
    for i in range(80):
        copies.append(good.parent / f"copy{i}.h5ad")
        copies[-1].hardlink_to(good)

    def harden() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))

    done = concat(copies, output, "--index-unique=-", preexec_fn=harden)
    assert_refused(done, IO, "copy", "open files", "ulimit -n")
    assert_empty(output.parent)


def test_relative_paths(good: Path, tmp_path: Path) -> None:
    """Paths are relative to the working directory, with and without a folder."""
    folder = good.parent
    assert concat([Path("good.h5ad")], Path("out.h5ad"), cwd=folder).code == OK
    assert concat([Path("../good/good.h5ad")], Path("./out2.h5ad"), cwd=folder).code == OK
    assert concat([Path("good.h5ad")], Path("out.h5ad"), "--force", cwd=folder).code == OK
    assert sorted(path.name for path in folder.iterdir()) == ["good.h5ad", "out.h5ad", "out2.h5ad"]


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
@pytest.mark.parametrize("force", [False, True])
def test_mode(umask: int, force: bool, good: Path, output: Path) -> None:
    """The output is as readable as any new file of this user."""
    if force:
        output.touch()
    done = concat([good], output, *(["--force"] if force else []), umask=umask)
    assert done.code == OK, done
    assert output.stat().st_mode & 0o777 == 0o666 & ~umask


def test_inputs_are_only_read(good: Path, output: Path) -> None:
    """Read-only inputs do, and stay as they are."""
    good.chmod(0o444)
    other = write(make_good(1, "csc"), good.parent / "other.h5ad")
    before = snapshot(good.parent)
    assert concat([good, other], output, "--merge=first", "--uns-merge=unique", "--pairwise").code == OK
    assert snapshot(good.parent) == before
