"""Servers on this machine, sound and unsound ones."""

from __future__ import annotations

import hashlib
import http.server
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

HERE = "127.0.0.1"
CLOSED = f"http://{HERE}:9"
"""Nobody listens at this port."""
LEFT_OUT = re.compile(r"^(AWS|GOOGLE|GCE|ANNSTREAM)_|_proxy$|^(SERVICE_ACCOUNT|NO_GCE_CHECK)$", re.IGNORECASE)


def environment(home: Path, **more: str) -> dict[str, str]:
    """An environment in which nobody gave credentials, and nobody asks another machine for them."""
    kept = {name: value for name, value in os.environ.items() if not LEFT_OUT.search(name)}
    return {**kept, "HOME": str(home), "AWS_EC2_METADATA_DISABLED": "true", "NO_GCE_CHECK": "true", **more}


def s3_environment(home: Path, endpoint: str, **more: str) -> dict[str, str]:
    """The same, with an S3 server and credentials for it."""
    keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret"}
    return environment(home, AWS_ENDPOINT_URL=endpoint, **{**keys, **more})


Fault = Callable[[str, int], str | None]
"""From the path of a request and how often it was asked for, beginning with 0, to what goes wrong with it."""


def times(count: int, what: str, part: str = "") -> Fault:
    """Goes wrong this often for every path with this part."""
    return lambda path, asked: what if part in path and asked < count else None


class FolderServer(http.server.ThreadingHTTPServer):
    """Serves a folder, with ranges, as S3, Google Cloud Storage and web servers do; `fault` says what goes wrong."""

    daemon_threads = True

    def __init__(self, folder: Path, *, fault: Fault | None = None, ranges: bool = True) -> None:
        super().__init__((HERE, 0), Handler)
        self.folder, self.fault, self.ranges = folder, fault or times(0, ""), ranges
        self.asked: dict[str, int] = {}
        self.lock = threading.Lock()
        self.url = f"http://{HERE}:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        """Clients may leave when they like."""


class Handler(http.server.BaseHTTPRequestHandler):
    """One connection to it."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: FolderServer

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def do_HEAD(self) -> None:
        """Headers only."""
        self.answer(body=False)

    def do_GET(self) -> None:
        """A file, or a part of one."""
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        """Answers a request, or does what the fault says."""
        path = unquote(urlsplit(self.path).path)
        with self.server.lock:
            asked = self.server.asked.get(path, 0)
            self.server.asked[path] = asked + 1
        fault = self.server.fault(path, asked)
        if fault and fault[0].isdigit():
            status, _, code = fault.partition(" ")
            self.send(int(status), f"<Error><Code>{code}</Code><Message>as told</Message></Error>".encode(), body=body)
            return
        file = self.server.folder / path.lstrip("/")
        if not file.is_file():
            self.send(404, b"<Error><Code>NoSuchKey</Code></Error>", body=body)
            return
        data = file.read_bytes()
        tag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        headers = {"ETag": tag, "Last-Modified": "Wed, 21 Oct 2015 07:28:00 GMT"}
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")) if self.server.ranges else None
        status = 200
        if found:
            start, end = int(found[1]), min(int(found[2]) + 1, len(data))
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
            data, status = data[start:end], 206
        length = len(data)
        if fault == "truncate":
            data = data[: length // 2]
        elif fault == "announce less":
            length //= 2
        self.send(status, data, body=body, length=length, headers=headers)
        if fault:
            self.close_connection = True

    def send(
        self, status: int, data: bytes, *, body: bool, length: int | None = None, headers: dict[str, str] | None = None
    ) -> None:
        """Sends an answer whose length is what is said."""
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if length is None else length))
        self.end_headers()
        if body:
            self.wfile.write(data)


@contextmanager
def serving(server: http.server.ThreadingHTTPServer) -> Iterator[http.server.ThreadingHTTPServer]:
    """Runs a server."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def silent() -> Iterator[str]:
    """A server that lets everybody in and never answers."""
    with socket.create_server((HERE, 0)) as listener:
        yield f"http://{HERE}:{listener.getsockname()[1]}"
