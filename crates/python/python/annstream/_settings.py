"""Memory, threads, scratch space and progress of everything that annstream does."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _annstream

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRESS = ("auto", "on", "off")


class Settings:
    """What jobs run on. There is one instance, :data:`annstream.settings`.

    Attributes
    ----------
    memory
        Most memory that jobs of this process use together, in bytes; set it as a number or as text such as ``"8G"``.
        ``None`` sets the default: 80 % of the limit of SLURM, the container or the machine, whichever is least.
    threads
        Worker threads; ``None`` sets the default, what SLURM or the system gives. ``n_jobs`` is another name.
    tmpdir
        Folder for scratch files, which have no names and vanish with the process; ``None`` for the system's.
    progress
        ``"auto"`` shows a bar on a terminal and in a notebook, ``"on"`` always, ``"off"`` never.
    """

    def __init__(self) -> None:
        self._memory: int | None = None
        self._threads: int | None = None
        self._tmpdir: Path | None = None
        self._progress = "auto"
        self._apply()

    @property
    def memory(self) -> int:
        """Bytes that jobs may use."""
        return _annstream.defaults()[0] if self._memory is None else self._memory

    @memory.setter
    def memory(self, value: int | str | None) -> None:
        size = _annstream.size_in_bytes(value) if isinstance(value, str) else value
        if size is not None and int(size) <= 0:
            msg = f"memory is {value!r}, expected a positive number of bytes"
            raise ValueError(msg)
        self._memory = None if size is None else int(size)
        self._apply()

    @property
    def threads(self) -> int:
        """Worker threads."""
        return _annstream.defaults()[1] if self._threads is None else self._threads

    @threads.setter
    def threads(self, value: int | None) -> None:
        if value is not None and not 1 <= int(value) <= 1024:
            msg = f"{value} threads, expected 1 to 1024"
            raise ValueError(msg)
        self._threads = None if value is None else int(value)
        self._apply()

    @property
    def n_jobs(self) -> int:
        """The same as :attr:`threads`."""
        return self.threads

    @n_jobs.setter
    def n_jobs(self, value: int | None) -> None:
        self.threads = os.cpu_count() if value == -1 else value

    @property
    def tmpdir(self) -> Path | None:
        """Folder for scratch files."""
        return self._tmpdir

    @tmpdir.setter
    def tmpdir(self, value: str | os.PathLike[str] | None) -> None:
        folder = None if value is None else Path(value)
        if folder is not None and not folder.is_dir():
            msg = f"the folder for scratch files does not exist: {folder}"
            raise FileNotFoundError(msg)
        self._tmpdir = folder
        self._apply()

    @property
    def progress(self) -> str:
        """When a bar is shown."""
        return self._progress

    @progress.setter
    def progress(self, value: str | bool) -> None:
        value = {True: "on", False: "off", "notebook": "on"}.get(value, value)
        if value not in _PROGRESS:
            msg = f"progress is {value!r}, expected one of {', '.join(map(repr, _PROGRESS))}"
            raise ValueError(msg)
        self._progress = value
        self._apply()

    def _apply(self) -> None:
        _annstream.configure(self._memory, self._threads, self._tmpdir)
        shown = self._progress == "on" or (self._progress == "auto" and _watched())
        _annstream.watch(_Bar() if shown else None)

    @contextmanager
    def override(self, **values: Any) -> Iterator[Settings]:
        """Other values for a while.

        Parameters
        ----------
        values
            Any of the attributes.

        Examples
        --------
        >>> import annstream as ans
        >>> with ans.settings.override(memory="2G", threads=1):
        ...     ans.settings.threads
        1
        """
        wrong = [name for name in values if not isinstance(getattr(type(self), name, None), property)]
        if wrong:
            msg = f"there is no setting {wrong[0]!r}"
            raise AttributeError(msg)
        before = (self._memory, self._threads, self._tmpdir, self._progress)
        try:
            for name, value in values.items():
                setattr(self, name, value)
            yield self
        finally:
            self._memory, self._threads, self._tmpdir, self._progress = before
            self._apply()

    def __repr__(self) -> str:
        return (
            f"Settings(memory={self.memory}, threads={self.threads}, "
            f"tmpdir={str(self.tmpdir) if self.tmpdir else None!r}, progress={self.progress!r})"
        )


def _watched() -> bool:
    """Whether somebody sees a bar: on a terminal, or in a notebook."""
    if sys.stderr is not None and sys.stderr.isatty():
        return True
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    return running is not None and "IPKernelApp" in running.config


class _Bar:
    """A bar for each stage of a job."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._stage: tuple[str, int] | None = None

    def __call__(self, stage: str | None, unit: str | None, done: int, total: int) -> None:
        if self._stage != (stage, total):
            if self._bar is not None:
                self._bar.close()
                self._bar = None
            self._stage = None
            if stage is not None:
                from tqdm.auto import tqdm

                self._bar = tqdm(total=total, desc=stage, unit=f" {unit}", unit_scale=True, leave=False)
                self._stage = (stage, total)
        if self._bar is not None:
            self._bar.update(done - self._bar.n)


settings = Settings()
