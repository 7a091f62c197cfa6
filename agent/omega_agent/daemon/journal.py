"""The instructions of this device on its disk: one file each, whole or not there.

    HOME/instructions/<instruction id>.json

Written before anything is done about an instruction, so whatever was begun is known after the power
was away. Files are few (`INSTRUCTIONS_HELD_MAX`) and written some five times each; a damaged one
can't be acted upon, and is set aside under another name instead of stopping the daemon.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from omega_agent.daemon.work import Work
from omega_agent.errors import not_kept
from omega_core.canonical import NotPlainJsonError
from omega_core.files import sync_directory, write_durably
from omega_core.limits import INSTRUCTION_BYTES_MAX
from omega_core.models import ContentError, model_bytes, parse_model

_OWNER_ONLY = 0o600
_FOLDER = 0o700
_FILE_BYTES_MAX = 8 * INSTRUCTION_BYTES_MAX


class Journal(Protocol):
    """Keeps the work under way."""

    def load(self) -> Sequence[Work]:
        """Return what is kept, oldest instruction first; what is damaged is left out."""
        ...

    def keep(self, work: Work) -> None:
        """Keep the work as it is now; raises StorageError, and what was kept stays."""
        ...

    def forget(self, name: str) -> None:
        """Forget an instruction, if it is there."""
        ...


class DirectoryJournal:
    """Journal in a folder, made with the first file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def load(self) -> Sequence[Work]:
        """See `Journal.load`."""
        found = [self._read(path) for path in sorted(self._directory.glob("[!.]*.json"))]
        return [work for work in found if work is not None]

    def keep(self, work: Work) -> None:
        """See `Journal.keep`."""
        try:
            self._directory.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
        except OSError as error:
            raise not_kept(self._directory, error) from error
        write_durably(self._path(work.name), model_bytes(work), mode=_OWNER_ONLY)

    def forget(self, name: str) -> None:
        """See `Journal.forget`."""
        try:
            self._path(name).unlink(missing_ok=True)
            sync_directory(self._directory)
        except FileNotFoundError:
            return
        except OSError as error:
            raise not_kept(self._directory, error) from error

    def _read(self, path: Path) -> Work | None:
        try:
            with path.open("rb") as file:
                work = parse_model(Work, file.read(_FILE_BYTES_MAX))
        except (NotPlainJsonError, ContentError):
            with suppress(OSError):
                path.rename(path.with_suffix(".damaged"))
            return None
        except OSError as error:
            raise not_kept(path, error) from error
        return work if path == self._path(work.name) else None

    def _path(self, name: str) -> Path:
        return self._directory / f"{name}.json"


class MemoryJournal:
    """Journal that is gone with the process."""

    def __init__(self) -> None:
        self._works: dict[str, Work] = {}

    def load(self) -> Sequence[Work]:
        """See `Journal.load`."""
        return [self._works[name] for name in sorted(self._works)]

    def keep(self, work: Work) -> None:
        """See `Journal.keep`."""
        self._works[work.name] = work

    def forget(self, name: str) -> None:
        """See `Journal.forget`."""
        self._works.pop(name, None)
