"""Zarr stores on servers: what the local copy gives, and clear words when a server does not."""

from __future__ import annotations

import functools
import http.server
import json
import logging
import re
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import boto3
import pytest
from moto.server import ThreadedMotoServer

from .inputs import write_good
from .remote_stores import FORMS, without_consolidated, write_store
from .servers import CLOSED, HERE, Fault, FolderServer, environment, s3_environment, serving, silent, times
from .support import INVALID, IO, OK, USAGE, assert_calm, assert_empty, assert_refused, digest, run

BUCKET = "cells"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds a folder named like the bucket, with all stores."""
    root = tmp_path_factory.mktemp("stores")
    folder = root / BUCKET
    for form in FORMS:
        store = write_store(folder / "deep" / f"{form}.zarr", form)
        without_consolidated(store, folder / "deep" / f"{form}-nodes.zarr")
    write_store(folder / "other one.zarr", "three", seed=1)
    return root


@pytest.fixture(scope="module")
def s3(stores: Path) -> Iterator[SimpleNamespace]:
    """An S3 server with the stores; the bucket `cells` is private, `public` may be read by everybody."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=HERE, port=0, verbose=False)
    server.start()
    url = f"http://{HERE}:{server.get_host_and_port()[1]}"
    keys = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "region_name": "us-east-1"}
    client = boto3.client("s3", endpoint_url=url, **keys)
    client.create_bucket(Bucket=BUCKET)
    client.create_bucket(Bucket="public", ACL="public-read")
    for path in (stores / BUCKET).rglob("*"):
        if path.is_file():
            key = str(path.relative_to(stores / BUCKET))
            client.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
            if key.startswith("deep/two.zarr"):
                client.put_object(Bucket="public", Key=key, Body=path.read_bytes(), ACL="public-read")
    yield SimpleNamespace(url=url, client=client)
    server.stop()


@pytest.fixture
def cloud(s3: SimpleNamespace, tmp_path: Path) -> dict[str, str]:
    """An environment with that server."""
    return s3_environment(tmp_path, s3.url)


def local(stores: Path, name: str) -> Path:
    """The local copy of a store."""
    return stores / BUCKET / name


def facts(store: object, **options: object) -> dict:
    """What `info --json` says, but for sizes on disk, which nobody counts on a server."""
    done = run("info", "--json", store, **options)
    assert done.code == OK, done
    found = json.loads(done.stdout)
    for part in (found, *found["elements"]):
        part.pop("bytes", None), part.pop("stored_bytes", None), part.pop("file", None)
    return found


def convert(store: object, output: Path, **options: object) -> str:
    """Converts to h5ad, and returns the checksum."""
    done = run("convert", store, output, "--compression=none", "--progress=off", **options)
    assert done.code == OK, done
    return digest(output)


# ------------------------------------------------------------------------------------------- the same result as locally


@pytest.mark.parametrize("nodes", ["", "-nodes"], ids=["consolidated", "listed"])
@pytest.mark.parametrize("form", FORMS)
def test_a_store_on_s3_gives_what_its_copy_gives(
    form: str, nodes: str, stores: Path, cloud: dict, tmp_path: Path
) -> None:
    """`info` and `convert`, with and without consolidated metadata."""
    name = f"deep/{form}{nodes}.zarr"
    url = f"s3://{BUCKET}/{name}"
    assert facts(url, env=cloud) == facts(local(stores, name))
    assert convert(url, tmp_path / "a.h5ad", env=cloud) == convert(local(stores, name), tmp_path / "b.h5ad")


def test_inputs_from_here_and_there_are_merged(stores: Path, cloud: dict, tmp_path: Path) -> None:
    """`concat` of local and remote inputs, with keys from their names."""
    a, b = "deep/sharded.zarr", "other one.zarr"
    options = ["--join=outer", "--label=from", "--keys-from=stem", "--index-unique=-", "--uns-merge=same"]
    for output, first, second in [
        ("remote.h5ad", f"s3://{BUCKET}/{a}", f"s3://{BUCKET}/{b}"),
        ("mixed.h5ad", local(stores, a), f"s3://{BUCKET}/{b}/"),
        ("local.h5ad", local(stores, a), local(stores, b)),
    ]:
        done = run("concat", first, second, "-o", tmp_path / output, *options, env=cloud)
        assert done.code == OK, done
    digests = {digest(tmp_path / name) for name in ("remote.h5ad", "mixed.h5ad", "local.h5ad")}
    assert len(digests) == 1
    keys = run("info", "--json", "--tree", tmp_path / "mixed.h5ad").stdout
    assert '"obs/from"' in keys


def test_keys_may_stand_before_urls_and_urls_in_lists(stores: Path, cloud: dict, tmp_path: Path) -> None:
    """`key=s3://…`, and a list of inputs."""
    (tmp_path / "list.txt").write_text(f"x=s3://{BUCKET}/deep/two.zarr\ny={local(stores, 'deep/two.zarr')}\n")
    done = run("concat", f"@{tmp_path / 'list.txt'}", "-o", tmp_path / "out.h5ad", "--plan", "--json", env=cloud)
    assert done.code == OK, done
    assert [part["key"] for part in json.loads(done.stdout)["inputs"]] == ["x", "y"]


def test_subset_and_split_read_urls(stores: Path, cloud: dict, tmp_path: Path) -> None:
    """The other commands."""
    url, copy = f"s3://{BUCKET}/deep/three.zarr", local(stores, "deep/three.zarr")
    for name, source in (("a", url), ("b", copy)):
        done = run("subset", source, "-o", tmp_path / f"{name}.h5ad", "--obs", "kind = 'a'", env=cloud)
        assert done.code == OK, done
        assert run("split", source, "-o", tmp_path / name, "--by", "kind", env=cloud).code == OK
    assert digest(tmp_path / "a.h5ad") == digest(tmp_path / "b.h5ad")
    assert digest(tmp_path / "a" / "c.h5ad") == digest(tmp_path / "b" / "c.h5ad")


def test_resources_change_no_bit(cloud: dict, tmp_path: Path) -> None:
    """Threads ask at the same time; the result does not tell."""
    found = set()
    for i, threads in enumerate((1, 2, 8)):
        done = run(
            "convert", f"s3://{BUCKET}/deep/sharded.zarr", tmp_path / f"{i}.h5ad", f"--threads={threads}", env=cloud
        )
        assert done.code == OK, done
        found.add(digest(tmp_path / f"{i}.h5ad"))
    assert len(found) == 1


def test_a_public_bucket_needs_no_credentials(s3: SimpleNamespace, stores: Path, tmp_path: Path) -> None:
    """Unsigned requests, where nobody may list."""
    env = environment(tmp_path, AWS_ENDPOINT_URL=s3.url, AWS_SKIP_SIGNATURE="1")
    assert facts("s3://public/deep/two.zarr", env=env) == facts(local(stores, "deep/two.zarr"))
    refused = run("info", f"s3://{BUCKET}/deep/two.zarr", env=env)
    assert_refused(refused, IO, f"s3://{BUCKET}/deep/two.zarr", "denies access")


def test_a_google_bucket(stores: Path, tmp_path: Path) -> None:
    """`gs://` speaks another dialect of the same."""
    with serving(FolderServer(stores)) as server:
        env = environment(tmp_path, GOOGLE_BASE_URL=server.url, GOOGLE_SKIP_SIGNATURE="true")
        name = "deep/sharded.zarr"
        remote = convert(f"gs://{BUCKET}/{name}", tmp_path / "a.h5ad", env=env)
        assert remote == convert(local(stores, name), tmp_path / "b.h5ad")
        env = environment(tmp_path, GOOGLE_BASE_URL=server.url)
        assert_refused(run("info", f"gs://{BUCKET}/{name}", env=env), IO, "no credentials", "GOOGLE_SKIP_SIGNATURE")


def test_file_urls_are_paths(stores: Path, tmp_path: Path) -> None:
    """`file://` names what stands here, blanks included."""
    path = local(stores, "other one.zarr")
    assert facts(path.as_uri()) == facts(path)
    assert facts(write_good(tmp_path / "a.h5ad").as_uri()) == facts(tmp_path / "a.h5ad")


# ---------------------------------------------------------------------------------------------------------- web servers


def plain_server(folder: Path) -> http.server.ThreadingHTTPServer:
    """Python's own server, which gives whole files only."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return http.server.ThreadingHTTPServer((HERE, 0), functools.partial(Quiet, directory=str(folder)))


@pytest.mark.parametrize("form", ["two", "three"])
def test_any_web_server_will_do(form: str, stores: Path, tmp_path: Path) -> None:
    """Consolidated metadata and whole objects are enough."""
    with serving(plain_server(stores)) as server:
        base = f"http://{HERE}:{server.server_address[1]}/{BUCKET}"
        url, env = f"{base}/deep/{form}.zarr", environment(tmp_path)
        copy = local(stores, f"deep/{form}.zarr")
        assert facts(url, env=env) == facts(copy)
        assert convert(url, tmp_path / "a.h5ad", env=env) == convert(copy, tmp_path / "b.h5ad")
        spaced = f"{base}/other%20one.zarr"
        assert facts(spaced, env=env) == facts(local(stores, "other one.zarr"))
        listed = run("info", f"{base}/deep/{form}-nodes.zarr", env=env)
        assert_refused(listed, INVALID, "no consolidated metadata", "zarr.consolidate_metadata")
        assert_refused(run("info", f"{base}/none.zarr", env=env), IO, "no zarr store is there")


@pytest.mark.parametrize("form", ["sharded", "plain"])
def test_shards_and_large_chunks_need_ranges(form: str, stores: Path, tmp_path: Path) -> None:
    """With a server that gives parts they work, with another the message says why not."""
    url, copy = f"/{BUCKET}/deep/{form}.zarr", local(stores, f"deep/{form}.zarr")
    env = environment(tmp_path)
    with serving(FolderServer(stores)) as server:
        assert convert(server.url + url, tmp_path / "a.h5ad", env=env) == convert(copy, tmp_path / "b.h5ad")
    if form == "sharded":
        # A shard has 16 chunks, which come together: how long it is, where its chunks are, and these.
        requests = [count for path, count in server.asked.items() if re.search(r"/X/(data|indices)/c/", path)]
        assert requests and max(requests) <= 4
        with serving(FolderServer(stores, ranges=False)) as server:
            done = run("convert", server.url + url, tmp_path / "c.h5ad", env=env)
            assert_refused(done, INVALID, "does not give parts of objects", "X/")
    assert not (tmp_path / "c.h5ad").exists()


def test_what_is_not_encrypted_is_refused_unless_it_is_here(tmp_path: Path) -> None:
    """No connection is made: the address is one that nobody has."""
    done = run("info", "http://192.0.2.1/a.zarr", env=environment(tmp_path), timeout=5)
    assert_refused(done, USAGE, "not encrypted", "ANNSTREAM_ALLOW_HTTP")
    done = run("info", "s3://b/a.zarr", env=s3_environment(tmp_path, "http://192.0.2.1"), timeout=5)
    assert_refused(done, USAGE, "not encrypted", "AWS_ALLOW_HTTP")


# -------------------------------------------------------------------------------------------------------- what is wrong


def test_what_is_not_there_is_told(cloud: dict, tmp_path: Path) -> None:
    """Bucket, store, and half of a store."""
    assert_refused(run("info", "s3://nobucket/a.zarr", env=cloud), IO, "s3://nobucket/a.zarr", "no such bucket")
    assert_refused(run("info", f"s3://{BUCKET}/a.zarr", env=cloud), IO, "no zarr store is there")
    assert_refused(run("info", f"s3://{BUCKET}", env=cloud), IO, "no zarr store is there")
    out = tmp_path / "out"
    out.mkdir()
    done = run("concat", f"s3://{BUCKET}/deep/two.zarr", f"s3://{BUCKET}/b.zarr", "-o", out / "o.h5ad", env=cloud)
    assert_refused(done, IO, f"s3://{BUCKET}/b.zarr")
    assert_empty(out)


def test_no_credentials_is_told_at_once(tmp_path: Path) -> None:
    """Whether the metadata service is off, not there, or silent, as it is on most machines."""
    for case in (
        {"AWS_EC2_METADATA_DISABLED": "true"},
        {"AWS_ENDPOINT_URL": CLOSED, "AWS_EC2_METADATA_DISABLED": ""},
        {"AWS_METADATA_ENDPOINT": CLOSED, "AWS_EC2_METADATA_DISABLED": "", "AWS_REGION": "x"},
    ):
        started = time.monotonic()
        done = run("info", "s3://bucket/a.zarr", env=environment(tmp_path, **case))
        assert_refused(done, IO, "s3://bucket/a.zarr: no credentials for S3", "AWS_ACCESS_KEY_ID", "AWS_SKIP_SIGNATURE")
        assert time.monotonic() - started < 8
    with silent() as url:
        env = environment(tmp_path, AWS_METADATA_ENDPOINT=url, AWS_EC2_METADATA_DISABLED="", AWS_REGION="x")
        started = time.monotonic()
        assert_refused(run("info", "s3://bucket/a.zarr", env=env), IO, "no credentials for S3")
        assert time.monotonic() - started < 8
    half = environment(tmp_path, AWS_ACCESS_KEY_ID="key")
    assert_refused(run("info", "s3://bucket/a.zarr", env=half), USAGE, "AWS_SECRET_ACCESS_KEY is not")


def faulty(stores: Path, tmp_path: Path, fault: Fault, name: str = "deep/two.zarr") -> tuple:
    """Converts a store from an S3 server with a fault; returns the run and how often each object was asked for."""
    with serving(FolderServer(stores, fault=fault)) as server:
        env = s3_environment(tmp_path, server.url)
        done = run("convert", f"s3://{BUCKET}/{name}", tmp_path / "out.h5ad", "--compression=none", env=env)
        assert_calm(done)
        return done, server.asked


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("403 InvalidAccessKeyId", ["refuses the credentials (InvalidAccessKeyId)", "AWS_ACCESS_KEY_ID"]),
        ("403 SignatureDoesNotMatch", ["refuses the credentials (SignatureDoesNotMatch)"]),
        ("400 ExpiredToken", ["refuses the credentials (ExpiredToken)", "AWS_SESSION_TOKEN"]),
        ("403 AccessDenied", ["denies access (AccessDenied)"]),
        ("301 PermanentRedirect", ["another region", "AWS_REGION"]),
        ("400 Strange", ["400 Bad Request", "as told"]),
    ],
)
def test_a_server_that_says_no_is_quoted(code: str, words: list[str], stores: Path, tmp_path: Path) -> None:
    """Its code becomes a next step, and nothing is asked twice."""
    done, asked = faulty(stores, tmp_path, times(99, code))
    assert_refused(done, IO, f"s3://{BUCKET}/deep/two.zarr", *words)
    assert "secret" not in done.stderr
    assert max(asked.values()) == 1


@pytest.mark.parametrize("what", ["503 SlowDown", "429 SlowDown", "truncate"])
@pytest.mark.parametrize("name", ["deep/two.zarr", "deep/sharded.zarr"])
def test_what_goes_wrong_twice_is_tried_again(what: str, name: str, stores: Path, tmp_path: Path) -> None:
    """Every object of X is refused, or ends early, twice."""
    done, asked = faulty(stores, tmp_path, times(2, what, "/X/data"), name)
    assert done.code == OK, done
    assert max(asked.values()) > 2
    assert digest(tmp_path / "out.h5ad") == convert(local(stores, name), tmp_path / "copy.h5ad")


@pytest.mark.parametrize(
    ("what", "codes", "words"),
    [
        ("503 SlowDown", IO, ["503 Service Unavailable", "as told"]),
        ("truncate", IO, ["'X/data/", "connection broke"]),
        ("announce less", INVALID, ["X/data"]),
    ],
)
def test_what_stays_wrong_ends_with_a_clear_error(
    what: str, codes: int, words: list[str], stores: Path, tmp_path: Path
) -> None:
    """Within a bounded time, with the object named, and nothing is left."""
    started = time.monotonic()
    done, _ = faulty(stores, tmp_path, times(999, what, "/X/data"))
    assert_refused(done, codes, f"s3://{BUCKET}/deep/two.zarr", *words)
    assert time.monotonic() - started < 60
    assert not (tmp_path / "out.h5ad").exists()


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """A closed port is told after a few tries."""
    done = run("info", "s3://bucket/a.zarr", env=s3_environment(tmp_path, CLOSED))
    assert_refused(done, IO, "cannot be reached", "s3://bucket/a.zarr")
    assert_refused(run("info", f"{CLOSED}/a.zarr", env=environment(tmp_path)), IO, "cannot be reached")


def test_an_object_that_is_too_large_is_not_fetched(stores: Path, tmp_path: Path) -> None:
    """A chunk is looked at before memory is set aside: this one has a gigabyte of holes."""
    folder = tmp_path / BUCKET
    store = write_store(folder / "a.zarr", "two")
    chunk = next(path for path in (store / "X" / "data").iterdir() if path.name[0].isdigit())
    small = chunk.stat().st_size
    with chunk.open("r+b") as file:
        file.truncate(small + (8 << 20))
    done, _ = faulty(tmp_path, tmp_path, times(0, ""), "a.zarr")
    assert_refused(done, INVALID, "bytes are stored, at most", "X/data")


def test_damaged_metadata_is_refused(tmp_path: Path) -> None:
    """What a server calls metadata is not trusted."""
    for name, content in (
        ("zarr.json", "no json"),
        (".zmetadata", '{"metadata": {"../../etc/.zgroup": {"zarr_format": 2}}}'),
        ("zarr.json", '{"zarr_format": 3, "node_type": "group", "consolidated_metadata": {"metadata": {"../x": {}}}}'),
    ):
        store = tmp_path / BUCKET / "a.zarr"
        store.mkdir(parents=True, exist_ok=True)
        for path in store.iterdir():
            path.unlink()
        (store / name).write_text(content)
        done, _ = faulty(tmp_path, tmp_path, times(0, ""), "a.zarr")
        assert_refused(done, INVALID, f"s3://{BUCKET}/a.zarr")


# ------------------------------------------------------------------------------------------------------ what is refused


def test_names_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """Before anybody is asked."""
    env = environment(tmp_path)
    for name, code, words in (
        ("s3://bucket/a.h5ad", INVALID, ["HDF5 files are read from this machine", "annstream convert"]),
        ("https://example.org/a.zarr.zip", INVALID, ["archives are read from this machine"]),
        ("ftp://example.org/a.zarr", INVALID, ["URLs of 'ftp'", "s3://"]),
        ("https://me:hidden@example.org/a.zarr", USAGE, ["https://example.org/a.zarr: credentials do not belong"]),
        ("https://example.org/a.zarr?sig=hidden", USAGE, ["https://example.org/a.zarr: ", "not with '?'"]),
        ("s3:///a.zarr", USAGE, ["names no bucket"]),
        ("s3://bucket/a/../b.zarr", USAGE, ["'..'"]),
    ):
        done = run("info", name, env=env, timeout=5)
        assert_refused(done, code, *words)
        assert "hidden" not in done.stderr


def test_outputs_are_local(good: Path, tmp_path: Path) -> None:
    """A URL as output is refused before anything is read, and makes no folder."""
    here = sorted(Path.cwd().iterdir())
    for output in ("s3://bucket/out.zarr", "https://example.org/out.h5ad", f"file://{tmp_path}/out.h5ad"):
        for line in (
            ["concat", good, "-o", output],
            ["convert", good, output],
            ["subset", good, "-o", output, "--obs-index", ":3"],
            ["split", good, "-o", output, "--by", "kind"],
        ):
            assert_refused(run(*line, env=environment(tmp_path)), USAGE, output, "outputs are written to this machine")
    assert sorted(Path.cwd().iterdir()) == here


def test_virtual_files_are_of_local_inputs(cloud: dict, tmp_path: Path) -> None:
    """A view cannot show what stands on a server."""
    done = run("concat", "--virtual", f"s3://{BUCKET}/deep/two.zarr", "-o", tmp_path / "v.h5ad", env=cloud)
    assert done.code not in (OK, 1)
    assert_calm(done)
