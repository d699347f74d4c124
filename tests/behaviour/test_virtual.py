"""Virtual files: what `concat --virtual` refuses, and that a source which moved, changed or is gone is noticed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import anndata
import h5py
import numpy as np
import pytest
import scipy.sparse as sp

from .inputs import bare, large_sparse, make_good, write, write_good
from .support import (
    INCOMPATIBLE,
    INVALID,
    OK,
    USAGE,
    Run,
    assert_calm,
    assert_empty,
    assert_refused,
    concat,
    run,
    snapshot,
)

RECORD = "annstream-virtual"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with two inputs and a virtual file over them."""
    folder = tmp_path / "place"
    (folder / "in").mkdir(parents=True)
    for i in range(2):
        write_good(folder / "in" / f"{i}.h5ad", seed=i, compression="gzip")
    done = show(folder)
    assert done.code == OK, done
    return folder


def show(folder: Path, *arguments: object) -> Run:
    """Makes the virtual file of a folder."""
    inputs = [folder / "in" / f"{i}.h5ad" for i in range(2)]
    return concat(inputs, folder / "view.h5ad", "--virtual", "--uns-merge=first", *arguments)


def expected() -> np.ndarray:
    """The matrix that it shows."""
    return np.vstack([make_good(seed=i).X.toarray() for i in range(2)])


def info(path: Path, *arguments: object, **options: object) -> Run:
    """Looks at a file, and at those that it leads to."""
    return run("info", path, "--allow-external", *arguments, **options)


def test_only_if_allowed(place: Path) -> None:
    """It leads to other files, which has to be allowed."""
    for done in (run("info", place / "view.h5ad"), concat([place / "view.h5ad"], place / "out.h5ad")):
        assert_refused(done, INVALID, "view.h5ad", "virtual dataset", "in/0.h5ad")
    assert not (place / "out.h5ad").exists()


def test_info_names_the_sources(place: Path) -> None:
    """Also for scripts."""
    done = info(place / "view.h5ad")
    assert done.code == OK, done
    assert "in/0.h5ad" in done.stdout
    assert "in/1.h5ad" in done.stdout
    assert not done.stderr, done
    told = json.loads(info(place / "view.h5ad", "--json").stdout)
    sources = told["virtual"]
    assert [source["path"] for source in sources] == ["in/0.h5ad", "in/1.h5ad"]
    assert sources[0]["shape"] == [40, 12]
    assert sources[0]["nnz"] == make_good().X.nnz
    status = (place / "in" / "0.h5ad").stat()
    assert (sources[0]["size"], sources[0]["mtime_ns"]) == (status.st_size, status.st_mtime_ns)
    assert json.loads(info(place / "in" / "0.h5ad", "--json").stdout)["virtual"] is None


def test_copy(place: Path) -> None:
    """Reading it back gives what an ordinary concat gives, byte for byte, compression included."""
    inputs = [place / "in" / f"{i}.h5ad" for i in range(2)]
    arguments = ["--merge=same", "--uns-merge=first"]
    assert show(place, "--merge=same", "--force").code == OK
    assert concat(inputs, place / "real.h5ad", *arguments).code == OK
    assert concat([place / "view.h5ad"], place / "copy.h5ad", *arguments, "--allow-external").code == OK
    with h5py.File(place / "real.h5ad") as real, h5py.File(place / "copy.h5ad") as copy:
        for path in ("X/data", "X/indices", "X/indptr", "layers/counts/data", "raw/X/indices", "obsm/pca"):
            np.testing.assert_array_equal(real[path][...], copy[path][...])
            assert real[path].dtype == copy[path].dtype
            assert real[path].compression == copy[path].compression, path


def test_threads_and_memory(place: Path) -> None:
    """They change no bit of it."""
    first = (place / "view.h5ad").read_bytes()
    for arguments in (["--threads=1"], ["--threads=3", "--memory=64M"]):
        assert show(place, "--force", *arguments).code == OK
        assert (place / "view.h5ad").read_bytes() == first


def test_moved_together(place: Path, tmp_path: Path) -> None:
    """The folder as a whole may move; nobody looks where it was."""
    moved = tmp_path / "elsewhere" / "deep"
    moved.parent.mkdir()
    place.rename(moved)
    done = info(moved / "view.h5ad", cwd="/")
    assert done.code == OK, done
    assert not done.stderr, done
    np.testing.assert_array_equal(anndata.read_h5ad(moved / "view.h5ad").X.toarray(), expected())


def test_moved_alone(place: Path, tmp_path: Path) -> None:
    """A virtual file without its sources is an error, in the folder of the sources too."""
    alone = tmp_path / "alone"
    alone.mkdir()
    (place / "view.h5ad").rename(alone / "view.h5ad")
    assert_refused(info(alone / "view.h5ad", cwd=place), INVALID, "alone/view.h5ad", "in/0.h5ad", "not there")


@pytest.mark.parametrize("record", [True, False])
def test_missing_source(place: Path, record: bool) -> None:
    """A source that is gone is named, whoever made the file; fill values never stand in for it."""
    if not record:
        with h5py.File(place / "view.h5ad", "r+") as file:
            del file.attrs[RECORD]
    (place / "in" / "1.h5ad").rename(place / "1.h5ad")
    before = snapshot(place)
    assert_refused(info(place / "view.h5ad"), INVALID, "view.h5ad", "in/1.h5ad", "not there")
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert_refused(done, INVALID, "view.h5ad", "in/1.h5ad", "not there")
    assert snapshot(place) == before
    (place / "1.h5ad").rename(place / "in" / "1.h5ad")
    assert info(place / "view.h5ad").code == OK


def test_changed_source(place: Path) -> None:
    """A source of another size or time is warned of."""
    source = place / "in" / "0.h5ad"
    source.touch()
    done = info(place / "view.h5ad")
    assert done.code == OK, done
    assert "warning: " in done.stderr
    assert "in/0.h5ad" in done.stderr
    assert "changed" in done.stderr
    with h5py.File(source, "r+") as file:
        file.attrs["new"] = np.zeros(5000)
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert done.code == OK, done
    assert "bytes now" in done.stderr
    assert any("changed" in text for text in json.loads(info(place / "view.h5ad", "--json").stdout)["warnings"])


def test_shorter_source(place: Path) -> None:
    """A source that was replaced by a smaller one, or by something else, is an error."""
    source = place / "in" / "1.h5ad"
    write_good(source, seed=1, n_obs=20)
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert_refused(done, INVALID, "in/1.h5ad", "it changed")
    source.write_text("not HDF5")
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert_refused(done, INVALID, "in/1.h5ad", "not an HDF5 file")
    assert not (place / "out.h5ad").exists()


def test_source_without_the_array(place: Path) -> None:
    """The same if only an array is gone."""
    with h5py.File(place / "in" / "1.h5ad", "r+") as file:
        del file["layers/counts"]
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert_refused(done, INVALID, "in/1.h5ad", "layers/counts/")


def test_circle(place: Path) -> None:
    """Virtual files that show one another end in an error, not in a crash."""
    shutil.copy(place / "view.h5ad", place / "in" / "new.h5ad")
    with h5py.File(place / "in" / "new.h5ad", "r+") as file:
        del file["X/data"]
        n = file["X/indices"].shape[0]
        layout = h5py.VirtualLayout((n,), "f4")
        layout[:] = h5py.VirtualSource("../view2.h5ad", "X/data", (n,))
        file["X"].create_virtual_dataset("data", layout)
    shutil.copy(place / "in" / "new.h5ad", place / "view2.h5ad")
    with h5py.File(place / "view2.h5ad", "r+") as file:
        del file["X/data"]
        layout = h5py.VirtualLayout((n,), "f4")
        layout[:] = h5py.VirtualSource("in/new.h5ad", "X/data", (n,))
        file["X"].create_virtual_dataset("data", layout)
        del file.attrs[RECORD]
    assert_refused(info(place / "view2.h5ad"), INVALID, "X/data", "deep")


def test_values_are_not_read(place: Path) -> None:
    """It takes as long as the tables: a damaged chunk of values goes unnoticed until somebody reads it."""
    source = place / "in" / "0.h5ad"
    with h5py.File(source) as file:
        chunk = file["X/data"].id.get_chunk_info(0)
    with source.open("r+b") as raw:
        raw.seek(chunk.byte_offset)
        raw.write(b"\0" * chunk.size)
    assert show(place, "--force").code == OK
    done = concat([place / "view.h5ad"], place / "out.h5ad", "--allow-external")
    assert_refused(done, INVALID, "in/0.h5ad", "X/data")


def test_pointers_are_checked(place: Path) -> None:
    """They are read, so they are judged."""
    with h5py.File(place / "in" / "1.h5ad", "r+") as file:
        indptr = file["X/indptr"][...]
        indptr[3] = indptr[-1] + 5
        file["X/indptr"][...] = indptr
    before = (place / "view.h5ad").read_bytes()
    assert_refused(show(place, "--force"), INVALID, "1.h5ad", "X: ", "row 3", "indptr")
    assert (place / "view.h5ad").read_bytes() == before


def test_unsorted_rows_stay(tmp_path: Path) -> None:
    """Rows are shown as they stand."""
    x = sp.csr_matrix((np.arange(6, dtype="f4"), np.array([2, 0, 1, 3, 1, 0]), np.array([0, 3, 6])), shape=(2, 4))
    path = write(bare(x), tmp_path / "in.h5ad")
    assert concat([path], tmp_path / "view.h5ad", "--virtual").code == OK
    with h5py.File(tmp_path / "view.h5ad") as file:
        assert file["X/indices"].is_virtual
        assert not file["X/indptr"].is_virtual
        np.testing.assert_array_equal(file["X/indices"][...], x.indices)


def test_odd_names(tmp_path: Path) -> None:
    """Characters that mean something in names of virtual sources mean themselves."""
    folder = tmp_path / "50% of %b, é"
    folder.mkdir()
    adata = make_good()
    adata.layers["100%b %%"] = adata.X.copy()
    path = write(adata, folder / "in %d.h5ad")
    done = concat([path, path], tmp_path / "view.h5ad", "--virtual", "--index-unique=-")
    assert done.code == OK, done
    assert info(tmp_path / "view.h5ad").code == OK
    assert concat([tmp_path / "view.h5ad"], tmp_path / "copy.h5ad", "--allow-external").code == OK
    for name in ("view", "copy"):
        shown = anndata.read_h5ad(tmp_path / f"{name}.h5ad").layers["100%b %%"].toarray()
        np.testing.assert_array_equal(shown, np.vstack([adata.X.toarray()] * 2))


def test_through_links(place: Path, tmp_path: Path) -> None:
    """Inputs and outputs may be reached through links of folders."""
    link = tmp_path / "deep" / "er" / "link"
    link.parent.mkdir(parents=True)
    link.symlink_to(place)
    assert show(link, "--force").code == OK
    for path in (link, place):
        assert info(path / "view.h5ad").code == OK
        np.testing.assert_array_equal(anndata.read_h5ad(path / "view.h5ad").X.toarray(), expected())


def test_of_virtual(place: Path) -> None:
    """A virtual file may show virtual files."""
    view = place / "view.h5ad"
    done = concat([view, view], place / "twice.h5ad", "--virtual", "--allow-external", "--index-unique=-")
    assert done.code == OK, done
    assert concat([place / "twice.h5ad"], place / "copy.h5ad", "--allow-external").code == OK
    for name in ("twice", "copy"):
        x = anndata.read_h5ad(place / f"{name}.h5ad").X.toarray()
        np.testing.assert_array_equal(x, np.vstack([expected()] * 2))


def test_plan(place: Path) -> None:
    """The plan says that nothing is copied."""
    done = show(place, "--plan", "--json", "--force")
    plan = json.loads(done.stdout)
    actions = {element["path"]: element["action"] for element in plan["elements"]}
    assert actions["X"] == actions["layers/counts"] == actions["obsm/pca"] == actions["raw/X"] == "show"
    assert plan["passes"] == plan["output"] == plan["scratch"] == 0


def other_genes(adata: anndata.AnnData) -> anndata.AnnData:
    """One gene less."""
    return adata[:, 1:].copy()


def other_order(adata: anndata.AnnData) -> anndata.AnnData:
    """The same genes in another order."""
    return adata[:, ::-1].copy()


def other_layout(adata: anndata.AnnData) -> anndata.AnnData:
    """CSC."""
    adata.X = adata.X.tocsc()
    return adata


def dense(adata: anndata.AnnData) -> anndata.AnnData:
    """No zeros left out."""
    adata.X = adata.X.toarray()
    return adata


def other_type(adata: anndata.AnnData) -> anndata.AnnData:
    """Doubles."""
    adata.layers["counts"] = adata.layers["counts"].astype("f8")
    return adata


def other_width(adata: anndata.AnnData) -> anndata.AnnData:
    """Fewer components."""
    adata.obsm["pca"] = adata.obsm["pca"][:, :2]
    return adata


def no_layer(adata: anndata.AnnData) -> anndata.AnnData:
    """Without a layer."""
    del adata.layers["counts"]
    return adata


REFUSED = {
    "other genes": (other_genes, [], ("X: ", "var names")),
    "other order": (other_order, [], ("X: ", "var names", "order")),
    "layout": (other_layout, [], ("X: ", "it is csc, and csr")),
    "dense": (dense, [], ("X: ", "it is dense, and csr")),
    "type": (other_type, [], ("layers/counts: ", "float32", "float64")),
    "width": (other_width, ["--join=outer"], ("obsm/pca: ", "2 columns", "3")),
    "no layer": (no_layer, ["--join=outer"], ("layers/counts: ", "no such element")),
    "pairwise": (lambda adata: adata, ["--pairwise"], ("obsp/near: ", "block diagonal")),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str, tmp_path: Path, output: Path) -> None:
    """What would have to be copied is named with its reason, and works without --virtual."""
    change, arguments, words = REFUSED[name]
    apply: Callable[[anndata.AnnData], anndata.AnnData] = change
    paths = [write(make_good(0), tmp_path / "a.h5ad"), write(apply(make_good(1)), tmp_path / "b.h5ad")]
    done = concat(paths, output, "--virtual", *arguments)
    assert_refused(done, INCOMPATIBLE, ".h5ad: ", "cannot be shown without copying", "without --virtual", *words)
    assert_empty(output.parent)
    assert concat(paths, output, *arguments).code == OK


def test_csr_along_var(tmp_path: Path, output: Path) -> None:
    """Rows would have to grow, also where the number of rows is that of the columns; CSC can be stacked so."""
    for layout in ("csr", "csc"):
        path = write_good(tmp_path / f"{layout}.h5ad", layout=layout, n_obs=12)
        done = concat([path, path], output, "--virtual", "--axis=var", "--index-unique=-")
        if layout == "csr":
            assert_refused(done, INCOMPATIBLE, "csr.h5ad: X: ", "it is csr", "along var", "csc")
            assert_empty(output.parent)
        else:
            assert done.code == OK, done
            x = make_good(n_obs=12).X.toarray()
            np.testing.assert_array_equal(anndata.read_h5ad(output).X.toarray(), np.hstack([x, x]))


def test_other_indices(place: Path, tmp_path: Path) -> None:
    """Column ids of one type only."""
    with h5py.File(place / "in" / "1.h5ad", "r+") as file:
        indices = file["X/indices"][...].astype("i8")
        del file["X/indices"]
        file["X/indices"] = indices
    done = show(place, "--force")
    assert_refused(done, INCOMPATIBLE, "1.h5ad: X: ", "indices are int64", "int32")


def test_zarr(good: Path, output: Path) -> None:
    """Only HDF5 can show arrays of other files, and only those of HDF5 files."""
    store = output.with_suffix(".zarr")
    assert_refused(concat([good], store, "--virtual"), USAGE, "out.zarr", "no virtual arrays")
    assert_empty(output.parent)
    assert concat([good], good.parent / "in.zarr").code == OK
    done = concat([good, good.parent / "in.zarr"], output, "--virtual", "--index-unique=-")
    assert_refused(done, INCOMPATIBLE, "in.zarr", "zarr", "hdf5")
    assert_empty(output.parent)


def test_empty_inputs(tmp_path: Path, output: Path) -> None:
    """Inputs without rows, or without values, have nothing to show."""
    blank = sp.csr_matrix((5, 12), dtype=np.float32)
    full = large_sparse(6, 12, 3)
    paths = [write(bare(x, f"{i}-"), tmp_path / f"{i}.h5ad") for i, x in enumerate([blank, full[:0], full, blank])]
    done = concat(paths, output, "--virtual")
    assert done.code == OK, done
    np.testing.assert_array_equal(anndata.read_h5ad(output).X.toarray()[5:11], full.toarray())
    assert info(output).code == OK
    output.unlink()
    assert concat(paths[:2], output, "--virtual").code == OK
    assert anndata.read_h5ad(output).X.nnz == 0
    assert_calm(info(output))
